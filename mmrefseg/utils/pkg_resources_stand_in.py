"""The names of ``pkg_resources`` that mmengine and pytest read, over ``importlib.metadata``.

setuptools 81 and newer leave ``pkg_resources`` out. :func:`mmrefseg.compat.provide_pkg_resources` lets this file take
its place where it is missing.
"""

from importlib.metadata import PackageNotFoundError as DistributionNotFound
from importlib.metadata import distribution

__all__ = ['DistributionNotFound', 'fixup_namespace_packages', 'get_distribution']


class _Distribution:
    """An installed distribution.

    Args:
        name (str): Its name.

    Raises:
        DistributionNotFound: It is not installed.
    """

    def __init__(self, name: str) -> None:
        self._found = distribution(name)
        self.location = str(self._found.locate_file(''))
        self.version = self._found.version

    def has_metadata(self, name: str) -> bool:
        """Whether a file of the metadata is there."""
        return self._found.read_text(name) is not None

    def get_metadata(self, name: str) -> str:
        """A file of the metadata, as text; empty where it is not there."""
        return self._found.read_text(name) or ''


get_distribution = _Distribution


def fixup_namespace_packages(path: str, parent: object = None) -> None:
    """Nothing: it is for namespace packages that ``declare_namespace`` made, which is not here.

    pytest's ``monkeypatch.syspath_prepend`` calls it wherever a ``pkg_resources`` has been imported.
    """
