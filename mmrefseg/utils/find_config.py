"""Configs by name, in a checkout and from an installed wheel."""

import difflib
from pathlib import Path
from typing import Dict, List

from mmengine.fileio import load

import mmrefseg


def package_files() -> Path:
    """The folder that holds configs, tools and the model index.

    It is the repository's in a checkout, and ``.mim`` inside an installed package.

    Raises:
        FileNotFoundError: mmrefseg was installed without them.
    """
    package = Path(mmrefseg.__file__).parent
    for folder in (package / '.mim', package.parent):
        if (folder / 'configs').is_dir() and (folder / 'model-index.yml').is_file():
            return folder
    raise FileNotFoundError(f'no configs and model-index.yml in {package / ".mim"} or {package.parent}: install '
                            'mmrefseg from its wheel or with pip install -e .')


def list_configs() -> List[str]:
    """Every config to train or test with, by its path below ``configs/`` without the ending, sorted."""
    configs = package_files() / 'configs'
    names = [path.relative_to(configs).with_suffix('').as_posix() for path in configs.rglob('*.py')]
    return sorted(name for name in names if not name.startswith('_base_/'))


def zoo_entries() -> Dict[str, dict]:
    """The models of the zoo: name in lower case (aliases too) -> its entry in a ``metafile.yml``."""
    root = package_files()
    entries = {}
    for metafile in load(root / 'model-index.yml')['Import']:
        for entry in load(root / metafile).get('Models', []):
            aliases = entry.get('Alias', [])
            for name in (entry['Name'], *([aliases] if isinstance(aliases, str) else aliases)):
                entries[name.lower()] = entry
    return entries


def find_config(name: str) -> str:
    """The file of a config.

    Args:
        name (str): A file; a path below ``configs/`` (``lavt/lavt_swinb_refcoco``, with or without ``configs/``,
            ``mmrefseg::`` and ``.py``); a name in the model zoo; or the name of a file below ``configs/`` if it is
            the only one of that name.

    Returns:
        str: The file's path.

    Raises:
        FileNotFoundError: There is none; the message lists the nearest names.
        ValueError: Several files have that name.

    Example:
        >>> from mmrefseg.utils import find_config
        >>> find_config('sadlr_lavt_nano_refshapes').split('configs/')[-1]
        'sadlr/lavt_nano_refshapes.py'
        >>> find_config('lavt/lavt_swinb_refcocoo')
        Traceback (most recent call last):
        FileNotFoundError: 'lavt/lavt_swinb_refcocoo' is no file, no config of mmrefseg and no name in its zoo. ...
    """
    if Path(name).is_file():
        return str(name)
    root = package_files()
    wanted = str(name).removeprefix('mmrefseg::').removeprefix('configs/').removesuffix('.py')
    configs = list_configs()
    if wanted in configs:
        return str(root / 'configs' / f'{wanted}.py')
    entries = zoo_entries()
    if wanted.lower() in entries:
        return str(root / entries[wanted.lower()]['Config'])
    found = [config for config in configs if config.rsplit('/', 1)[-1] == wanted]
    if len(found) > 1:
        raise ValueError(f'{len(found)} configs are called {wanted!r}: {", ".join(found)}. Say which.')
    if not found:
        known = dict.fromkeys([*configs, *(config.rsplit('/', 1)[-1] for config in configs), *entries])
        near = difflib.get_close_matches(wanted, known, cutoff=0.5)
        raise FileNotFoundError(f'{name!r} is no file, no config of mmrefseg and no name in its zoo. '
                                + (f'Near it: {", ".join(near)}. ' if near else '')
                                + 'All names: python -m mmrefseg info')
    return str(root / 'configs' / f'{found[0]}.py')


def find_base(name: str) -> str:
    """The file of a config's base.

    Args:
        name (str): ``mmrefseg::`` and a path below ``configs/``, those of ``_base_/`` too, or what
            :func:`find_config` takes.

    Returns:
        str: The file's path.

    Raises:
        FileNotFoundError: There is none; the message lists the nearest names.
        ValueError: Several files have that name.
    """
    path = package_files() / 'configs' / name.removeprefix('mmrefseg::').removeprefix('configs/')
    return str(path) if path.is_file() else find_config(name)
