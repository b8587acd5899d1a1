"""How a split's expressions are arranged to samples: sorted once for a large data set, and mapped by all processes."""

import hashlib
import json
from typing import Callable, NamedTuple

import numpy as np

from .refer_format.index import ReferIndex
from .refer_format.index_cache import SUFFIX
from .refer_format.index_file import IndexFileError, map_arrays, write_arrays

#: Expressions of an index from which it is kept: fewer are sorted in a tenth of a second.
KEPT_FROM = 500_000
# Change it whenever the same index and options give another arrangement.
VERSION = 1


class Arrangement(NamedTuple):
    """Samples of a split, of S expressions in all.

    Attributes:
        expressions: (S,) int64, rows of the index' expressions, sample after sample.
        objects: (S,) int64, the row of the object that each refers to.
        offsets: (samples + 1,) int64, sample s has the expressions ``offsets[s:s + 2]`` delimits.
        counts: (3,) int64, how many images, refs and expressions there are.
        largest: (2,) int64, the most expressions of an image, and its row.
    """

    expressions: np.ndarray
    objects: np.ndarray
    offsets: np.ndarray
    counts: np.ndarray
    largest: np.ndarray


class SampleCounts(NamedTuple):
    """Sizes of a data set's split."""

    images: int
    refs: int
    expressions: int


def count_samples(index: ReferIndex, rows: np.ndarray) -> SampleCounts:
    """Count what some expressions belong to, each once.

    Args:
        index (ReferIndex): The annotations.
        rows (np.ndarray): (S,) rows of expressions.

    Returns:
        SampleCounts: Of images, refs and expressions.
    """
    expressions = np.flatnonzero(np.bincount(rows))  # sorting them takes seconds for millions
    refs = np.flatnonzero(np.bincount(index.expression_ref[expressions]))
    return SampleCounts(np.count_nonzero(np.bincount(index.ref_image[refs])), len(refs), len(expressions))


def arrange_once(index: ReferIndex, kind: type, options: dict, arrange: Callable[[], Arrangement],
                 is_whole: Callable[[], bool]) -> Arrangement:
    """The arrangement that was kept beside a large index; made and kept if it is not there yet.

    Args:
        index (ReferIndex): The annotations.
        kind (type): The data set's class; of others than ours nobody knows here what they choose by: nothing is kept.
        options (dict): What it depends on beside these, as JSON has it.
        arrange (Callable): Makes it.
        is_whole (Callable): Whether nothing was left out meanwhile, which a start that does not look could not report.

    Returns:
        Arrangement: Of read-only arrays that are mapped into memory, or, where nothing is kept, of its own.
    """
    kept = (index.kept_in is not None and len(index.sent_id) >= KEPT_FROM
            and kind.__module__.partition('.')[0] == __name__.partition('.')[0])
    if not kept:
        return arrange()
    sources = [VERSION, index.checksum, kind.__name__, options]
    tag = hashlib.sha256(json.dumps(sources[2:], sort_keys=True).encode()).hexdigest()[:8]
    path = f'{index.kept_in[0].removesuffix(SUFFIX)}.{tag}{SUFFIX}'
    try:
        return _map(path, sources)
    except IndexFileError:
        arranged = arrange()
    if not is_whole():
        return arranged
    try:
        write_arrays(path, arranged._asdict(), sources)
        return _map(path, sources)
    except (OSError, IndexFileError):
        return arranged  # the index' place says what cannot be written


def _map(path: str, sources: list) -> Arrangement:
    return Arrangement(**map_arrays(path, sources, list(Arrangement._fields)))
