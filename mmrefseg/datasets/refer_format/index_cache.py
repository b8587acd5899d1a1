"""Keeps the index of a dataset on disk, so that its files are parsed once and not at every start."""

import hashlib
import logging
import os
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Type, Union
from weakref import WeakValueDictionary

from mmengine.logging import print_log

from .index import ReferIndex
from .index_file import IndexFileError, write_arrays
from .reader import fingerprints, read_refer_index

#: The environment variable that names the folder for the indexes of all datasets.
CACHE_DIR = 'MMREFSEG_CACHE_DIR'
SUFFIX = '.index'

# Train and val are splits of the same files: whoever still holds the index shares it.
_OPENED = WeakValueDictionary()


def open_refer_index(instances_file: Union[str, Path], refs_file: Union[str, Path]) -> ReferIndex:
    """The index of both files, mapped into memory from where it was kept; made and kept if it is not there yet.

    It is kept beside ``refs_file`` as ``refs(<split_by>).p.index``; where nothing can be written there, in
    ``$XDG_CACHE_HOME/mmrefseg`` (``~/.cache/mmrefseg``). The environment variable ``MMREFSEG_CACHE_DIR`` names a folder
    to be used instead of both. An index of files that have changed since (by their sizes and times), of another
    version, or damaged is made anew. Any number of processes may do so at once.

    Args:
        instances_file (str | Path): COCO-style ``instances.json``.
        refs_file (str | Path): The pickled list of refs.

    Returns:
        ReferIndex: All splits; the same object while somebody holds it. Where it could be kept nowhere, which is
        logged, it lies in this process' memory.

    Raises:
        RefDataError: As :func:`mmrefseg.datasets.read_refer_index`.
    """
    paths = str(instances_file), str(refs_file)
    return open_index(paths, fingerprints(*paths), lambda: read_refer_index(*paths))


def open_index(paths: Sequence, sources: Sequence, read: Callable[[], ReferIndex], kind: Type[ReferIndex] = ReferIndex,
               is_current: Callable[[ReferIndex], bool] = lambda index: True, tag: str = '') -> ReferIndex:
    """The index that ``read`` makes, mapped into memory from where it was kept; made and kept if it is not there yet.

    Args:
        paths (Sequence[str]): The files that it is made of; it is kept beside the last one.
        sources (Sequence): What it depends on, as JSON has it: one that was kept for others is made anew.
        read (Callable): Makes it.
        kind (type): Its class. Defaults to :class:`ReferIndex`.
        is_current (Callable): Whether one that was kept is still right. Defaults to yes.
        tag (str): Belongs to its name, where the same files make several. Defaults to none.

    Returns:
        ReferIndex: As :func:`open_refer_index` says.
    """
    key = (*map(os.path.realpath, paths), tag, str(sources))
    index = _OPENED.get(key)
    if index is None or not is_current(index):
        places = index_paths(*paths, tag=tag)
        index = _map(places, sources, kind)
        if index is None or not is_current(index):
            index = _make(places, sources, kind, read, is_current)
        _OPENED[key] = index
    return index


def index_paths(*paths: str, tag: str = '') -> List[str]:
    """Places where the index of some files may be kept, the best first.

    Args:
        paths (str): Paths of the files: those of ``instances.json`` and of the refs.
        tag (str): Belongs to the index' name. Defaults to none.

    Returns:
        list[str]: Absolute paths.
    """
    # In a folder for many datasets the file's name alone would not do.
    names = '\0'.join(map(os.path.realpath, paths))
    name = f'{os.path.basename(paths[-1])}{tag}.{hashlib.sha256(os.fsencode(names)).hexdigest()[:16]}{SUFFIX}'
    if os.environ.get(CACHE_DIR):
        return [os.path.abspath(os.path.join(os.path.expanduser(os.environ[CACHE_DIR]), name))]
    cache = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    return [os.path.abspath(f'{paths[-1]}{tag}{SUFFIX}'), os.path.join(cache, 'mmrefseg', name)]


def _map(places: List[str], sources: Sequence, kind: Type[ReferIndex]) -> Optional[ReferIndex]:
    for path in places:
        try:
            return kind.map_file(path, sources)
        except IndexFileError:
            continue
    return None


def _make(places: List[str], sources: Sequence, kind: Type[ReferIndex], read: Callable[[], ReferIndex],
          is_current: Callable[[ReferIndex], bool]) -> ReferIndex:
    index = read()
    found = _map(places, sources, kind)  # reading takes a while: another process may have been quicker
    if found is not None and is_current(found):
        return found
    reasons = []
    for path in places:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_arrays(path, index.to_arrays(), sources)
            return kind.map_file(path, sources)
        except (OSError, IndexFileError) as error:
            reasons.append(f'{path}: {error}')
    print_log(
        'An index could not be kept, so that every start has to read the files again (the environment '
        f'variable {CACHE_DIR} names a folder for it): ' + '; '.join(reasons), logger='current', level=logging.WARNING)
    return index
