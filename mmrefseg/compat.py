"""The few lines that bridge upstream versions, each with why and until when."""

import functools
import importlib
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Dict, List, Optional

# (import name, lowest version that works, first version too new, the line to type). Import names and
# ``__version__`` are checked, not distributions: mmcv, mmcv-lite and the OneDL forks all install the same
# import names.
REQUIRED = (
    ('torch', '2.6', '', 'pip install torch==2.13.0'),
    ('mmengine', '0.10.6', '1', 'pip install mmengine==0.10.7'),
    ('mmcv', '2.1.0', '2.4', 'pip install mmcv-lite==2.1.0'),
    ('mmseg', '1.2.1', '2', 'pip install mmsegmentation==1.2.2'),
    ('mmdet', '3.2.0', '4', 'pip install mmdet==3.3.0'),
    ('transformers', '5.20', '', 'pip install transformers==5.23.0'),
    ('pycocotools', '', '', 'pip install pycocotools==2.0.11'),
    ('ftfy', '', '', 'pip install ftfy==6.3.1'),
    ('regex', '', '', 'pip install regex==2026.11.15'),
)

# Distributions that install the same files: of each at most one may be there. The OneDL forks are the maintained line.
OVERLAID = (
    ('mmengine', 'mmengine-lite', 'onedl-mmengine'),
    ('mmcv', 'mmcv-lite', 'onedl-mmcv'),
    ('mmsegmentation', 'onedl-mmsegmentation'),
    ('mmdet', 'onedl-mmdetection'),
)
# The distribution that holds a package of mmengine's ``MODULE2PACKAGE`` in the OneDL line.
FORKS = dict(mmseg='onedl-mmsegmentation', mmdet='onedl-mmdetection')


def check_versions(required: tuple = REQUIRED) -> None:
    """Check that every package mmrefseg stands on is there, new enough and not too new.

    Args:
        required (tuple): As :func:`find_problems` takes them.

    Raises:
        ImportError: A package is missing, too old or too new. The message lists all that is wrong, each with
            the line that mends it.
    """
    problems = [*find_overlaid(), *find_problems(required)]
    if problems:
        raise ImportError('mmrefseg cannot run here. Type:\n  ' + '\n  '.join(problems))


def find_overlaid(groups: tuple = OVERLAID) -> List[str]:
    """Find distributions that lie over one another: of the files of both, nobody knows which are left.

    Args:
        groups (tuple): Tuples of names of distributions that install the same files.

    Returns:
        list[str]: What is there twice, each with the lines that mend it: all of them go before one comes.
    """
    problems = []
    for group in groups:
        versions = {name: version_of(name) for name in group}
        found = [f'{name}=={version}' for name, version in versions.items() if version is not None]
        if len(found) > 1:
            names = ' '.join(name for name, version in versions.items() if version is not None)
            again = ' or '.join(f"pip install --no-deps {each}" for each in found)
            problems.append(f'{" and ".join(found)} install the same files:  pip uninstall -y {names}  and then  '
                            f'{again}')
    return problems


def version_of(name: str) -> Optional[str]:
    """The version of an installed distribution, or None. Its metadata spare importing it, which may take a second."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def find_problems(required: tuple = REQUIRED) -> List[str]:
    """Find packages that are missing, too old or too new.

    Args:
        required (tuple): Rows ``(import name, lowest version or '', first version too new or '', line to type)``.

    Returns:
        list[str]: What is wrong, each with the line that mends it.
    """
    from packaging.version import Version

    problems = []
    for name, lowest, below, line in required:
        if importlib.util.find_spec(name) is None:
            problems.append(f'{name} is missing:  {line}')
            continue
        if not lowest and not below:
            continue
        found = version_of(name)
        if found is None:
            if problems:  # importing this one may fail for a package above that is missing
                continue
            try:
                found = importlib.import_module(name).__version__
            except AssertionError as error:  # so mmseg refuses an mmcv that it was not made for
                problems.append(f'{name} refuses to run: {error}:  {line} && pip install mmcv-lite==2.1.0')
                continue
        if lowest and Version(found) < Version(lowest):
            problems.append(f'{name} {found} is older than {lowest}:  {line}')
        elif below and Version(found) >= Version(below):
            problems.append(f'{name} {found} is too new, it must be below {below}:  {line}')
    return problems


def doctor_is_called() -> bool:
    """Whether this process is ``mmrefseg doctor``, which must run where nothing else of mmrefseg can."""
    words = sys.orig_argv
    as_module = any(words[i:i + 3] == ['-m', 'mmrefseg', 'doctor'] for i in range(len(words)))
    script, *arguments = sys.argv or ['']
    return as_module or os.path.basename(script).split('.')[0] == 'mmrefseg' and arguments[:1] == ['doctor']


class _StandInFinder:
    """Finds ``pkg_resources`` where nothing else does; mmengine reloads it, which asks for a finder."""

    @staticmethod
    def find_spec(name: str, path=None, target=None):
        """Called by the import system."""
        if name != 'pkg_resources':
            return None
        return importlib.util.spec_from_file_location(
            name, os.path.join(os.path.dirname(__file__), 'utils', 'pkg_resources_stand_in.py'))


def provide_pkg_resources() -> bool:
    """Let a stand-in take the place of ``pkg_resources`` where setuptools 81 or newer has left it out.

    Needed until mmengine asks ``importlib.metadata``.

    Returns:
        bool: Whether the stand-in is used.
    """
    if importlib.util.find_spec('pkg_resources') is None:
        sys.meta_path.append(_StandInFinder)
    return _StandInFinder in sys.meta_path


def know_forks(packages: Dict[str, str]) -> None:
    """Let ``mmseg::`` and ``mmdet::`` bases be found where a OneDL fork holds the package; mmengine does not know it.

    Args:
        packages (dict): mmengine's names of modules -> distributions, changed in place.
    """
    for module, fork in FORKS.items():
        if version_of(packages.get(module, module)) is None and version_of(fork) is not None:
            packages[module] = fork


class MissingOps(ModuleType):
    """Stands in for ``mmcv._ext``, the compiled operators that mmcv-lite leaves out.

    mmseg 1.2 and mmdet 3.3 import ``mmcv.ops`` at start, which loads ``mmcv._ext``, though none of
    what mmrefseg uses calls a compiled operator. Every attribute is a function that raises a clear
    error when called. Needed until mmseg imports ``mmcv.ops`` lazily.
    """

    def __init__(self) -> None:
        super().__init__('mmcv._ext')
        # torch's patch of `inspect` reads the file of every module in sys.modules.
        self.__file__ = __file__
        # mmengine's list of the environment asks for a loader: None says that nothing is compiled.
        self.__spec__ = ModuleSpec('mmcv._ext', loader=None)

    def __getattr__(self, name: str):
        if name.startswith('__'):
            raise AttributeError(name)

        def missing(*args, **kwargs):
            raise RuntimeError(
                f'The compiled operator mmcv._ext.{name} was called, and mmcv-lite has none. '
                'Install the full mmcv:  pip uninstall -y mmcv-lite && pip install mmcv==2.1.0 '
                '(where there is no wheel it builds from source in about 15 minutes: '
                'MMCV_WITH_OPS=1 pip install --no-build-isolation mmcv==2.1.0).')

        missing.__name__ = name
        return missing


def provide_mmcv_ext() -> bool:
    """Put :class:`MissingOps` in the place of ``mmcv._ext`` if, and only if, there is no real one.

    Returns:
        bool: Whether the stand-in is used.
    """
    if importlib.util.find_spec('mmcv._ext') is None:
        sys.modules['mmcv._ext'] = MissingOps()
    return isinstance(sys.modules.get('mmcv._ext'), MissingOps)


def allow_mmengine_checkpoints() -> None:
    """Let torch's safe loader read what mmengine writes beside the weights.

    mmengine 0.10.7 stores its message hub (log histories) in a checkpoint, and torch >= 2.6 loads
    with ``weights_only=True``: the few harmless types in there are allowed by name. Needed until
    mmengine does so itself.
    """
    import pickle

    import numpy as np
    import torch
    from mmengine.logging import HistoryBuffer

    def history_statistic(owner, name):
        # A history names its own methods by getattr, which with any other object or name would open
        # all of Python to the file.
        if owner is HistoryBuffer and name in ('min', 'max', 'current', 'mean'):
            return getattr(owner, name)
        raise pickle.UnpicklingError(f'Weights only load refuses getattr({owner!r}, {name!r}).')

    reconstruct = np.empty(0).__reduce__()[0]
    scalar = np.float64(0).__reduce__()[0]
    dtypes = {type(np.dtype(code)) for code in '?bBhHiIlLqQefd'}
    allowed = [HistoryBuffer, (history_statistic, 'builtins.getattr'), bytes, np.ndarray, np.dtype,
               reconstruct, scalar, *dtypes]
    # numpy 1's checkpoints name the same functions by their old address.
    allowed += [(reconstruct, 'numpy.core.multiarray._reconstruct'),
                (scalar, 'numpy.core.multiarray.scalar')]
    torch.serialization.add_safe_globals(allowed)


def know_mmrefseg_configs() -> None:
    """Make ``_base_ = 'mmrefseg::…'`` work, however mmrefseg is installed.

    mmengine knows the packages it was released with, and looks for their configs beside the distribution's metadata,
    where those of an editable install or of a path in PYTHONPATH are not. Needed until it asks the package itself.
    """
    from mmengine.config import Config
    from mmengine.config.utils import MODULE2PACKAGE
    MODULE2PACKAGE.setdefault('mmrefseg', 'mmrefseg')
    know_forks(MODULE2PACKAGE)
    original = Config._get_cfg_path

    def get_cfg_path(cfg_path: str, filename: str):
        if not cfg_path.startswith('mmrefseg::'):
            return original(cfg_path, filename)
        from .utils.find_config import find_base
        return find_base(cfg_path), 'mmrefseg'

    Config._get_cfg_path = staticmethod(get_cfg_path)


def make_file_clients_on_demand() -> None:
    """Spare mmengine's CheckpointHook a client that nobody asked for, of which it warns twice.

    It makes a ``FileClient`` whether there are ``file_client_args`` or not, and uses it only where there are. Needed
    until mmengine 1.0, which is to drop it.
    """
    from mmengine.fileio import FileClient
    from mmengine.hooks import checkpoint_hook

    class OnDemand:
        """In the place of ``FileClient``."""

        @staticmethod
        def infer_client(file_client_args=None, uri=None):
            """A client, where its arguments were given."""
            return None if file_client_args is None else FileClient.infer_client(file_client_args, uri)

    checkpoint_hook.FileClient = OnDemand


def drop_debug_prints() -> None:
    """Have mmengine's ``print_log`` print no debugging where no logger was named.

    The OneDL forks say at every import that their company's data sets are not there. Needed until they name a logger.
    """
    import logging

    import mmengine.logging

    original = mmengine.logging.print_log

    @functools.wraps(original)
    def print_log(msg, logger=None, level=logging.INFO) -> None:
        if logger is not None or level > logging.DEBUG:
            original(msg, logger, level)

    mmengine.logging.print_log = print_log


def mend_mmseg_messages() -> None:
    """Let mmseg do by itself what its own warnings and prints of a normal run advise.

    Its heads build their losses by a function that it deprecates; its Swin prints that there are no pre-trained
    weights, where they come by a checkpoint of the whole model, and what it cannot load. Needed until mmseg 2.
    """
    import logging

    from mmengine.logging import print_log
    from mmseg.models import builder
    from mmseg.models.backbones import swin
    from mmseg.models.decode_heads import decode_head, enc_head, vpd_depth_head
    from mmseg.registry import MODELS

    for module in (builder, decode_head, enc_head, vpd_depth_head):
        module.build_loss = MODELS.build

    def log(message: str) -> None:
        print_log(message, 'current', logging.DEBUG if message.startswith('No pre-trained') else logging.WARNING)

    swin.print_log = log
