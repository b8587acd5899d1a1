"""Keeps the index of a dataset on disk, so that its files are parsed once and not at every start."""

import hashlib
import logging
import os
from pathlib import Path
from typing import List, Optional, Union
from weakref import WeakValueDictionary

from mmengine.logging import print_log

from .index_file import IndexFileError, write_arrays
from .refer_index import ReferIndex
from .refer_reader import fingerprints, read_refer_index

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
    sources = fingerprints(*paths)
    key = (*map(os.path.realpath, paths), str(sources))
    index = _OPENED.get(key)
    if index is None:
        index = _OPENED[key] = _map(*paths, sources) or _make(*paths, sources)
    return index


def index_paths(instances_file: str, refs_file: str) -> List[str]:
    """Where the index of two files may be kept, the best place first.

    Args:
        instances_file (str): Path of ``instances.json``.
        refs_file (str): Path of the refs.

    Returns:
        list[str]: Absolute paths.
    """
    # In a folder for many datasets the file's name alone would not do.
    paths = '\0'.join(map(os.path.realpath, (instances_file, refs_file)))
    name = f'{os.path.basename(refs_file)}.{hashlib.sha256(os.fsencode(paths)).hexdigest()[:16]}{SUFFIX}'
    if os.environ.get(CACHE_DIR):
        return [os.path.abspath(os.path.join(os.path.expanduser(os.environ[CACHE_DIR]), name))]
    cache = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    return [os.path.abspath(f'{refs_file}{SUFFIX}'), os.path.join(cache, 'mmrefseg', name)]


def _map(instances_file: str, refs_file: str, sources: List[List[int]]) -> Optional[ReferIndex]:
    for path in index_paths(instances_file, refs_file):
        try:
            return ReferIndex.map_file(path, sources)
        except IndexFileError:
            continue
    return None


def _make(instances_file: str, refs_file: str, sources: List[List[int]]) -> ReferIndex:
    index = read_refer_index(instances_file, refs_file)
    reasons = []
    for path in index_paths(instances_file, refs_file):
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_arrays(path, index.to_arrays(), sources)
            return ReferIndex.map_file(path, sources)
        except (OSError, IndexFileError) as error:
            reasons.append(f'{path}: {error}')
    print_log(
        f'The index of {refs_file} could not be kept, so that every start has to read the files again (the environment '
        f'variable {CACHE_DIR} names a folder for it): ' + '; '.join(reasons), logger='current', level=logging.WARNING)
    return index
