"""The index of a triplet list: that of the refer format, and what it takes to say lines and to see files change."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from typing import List, Optional

import numpy as np

from mmrefseg.errors import RefDataError

from ..refer_format.gref_json import read_targets
from ..refer_format.index import ReferIndex
from ..refer_format.index_cache import open_index
from ..refer_format.reader import assemble_index, fingerprints, gc_paused, read_refs
from .cells import place
from .listed_ref import in_refer_format
from .reader import TripletList, file_stats, read_triplets

# Change it whenever the same files give another index.
VERSION = 4


@dataclass(frozen=True, eq=False)
class TripletIndex(ReferIndex):
    """All rows of a list as arrays; symbols as in :class:`ReferIndex`, and M mask files.

    A split's name is '' where rows state none; an id of an image or an object is its row.

    Attributes:
        expression_line: (S,) line of the list.
        mask_name: (M,) str, the mask files as the list names them.
        image_stat, mask_stat: (I, 2), (M, 2) size and time of the files, -1 for a missing one.
    """

    expression_line: Optional[np.ndarray] = None
    mask_name: Optional[np.ndarray] = None
    image_stat: Optional[np.ndarray] = None
    mask_stat: Optional[np.ndarray] = None

    @property
    def has_splits(self) -> bool:
        """bool: Whether rows state a split."""
        return self.split_names.tolist() != ['']

    def rows_without_split(self) -> np.ndarray:
        """np.ndarray: Lines of the expressions whose rows state no split."""
        if '' not in self.split_names.tolist():  # instead of a look at every row
            return self.expression_line[:0]
        refs = np.flatnonzero(np.isin(self.ref_split, np.flatnonzero(self.split_names == '')))
        return self.expression_line[np.isin(self.expression_ref, refs)]

    def refs_of_split(self, split: Optional[str]) -> np.ndarray:
        """Rows of the refs of a split, in the list's order; of None, and where no row states one, all of them."""
        if split is None or not self.has_splits:
            return np.arange(len(self.ref_id))
        return super().refs_of_split(split)


def open_triplet_index(triplets: TripletList) -> TripletIndex:
    """The index of a list, mapped into memory from beside it, as ``open_refer_index`` does.

    It is made anew when the list, an option, or (by their sizes and times) an image or a mask has changed.

    Raises:
        RefDataError: As :func:`read_triplets`.
    """
    folder = os.path.dirname(os.path.realpath(triplets.path))
    options = dict(asdict(triplets), version=VERSION, path=None)
    for key in ('image_dir', 'mask_dir'):  # relative to the list, so that all may move
        options[key] = os.path.relpath(os.path.realpath(options[key]), folder)
    tag = hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:8]
    sources = [fingerprints(triplets.path), options]

    def is_current(index: TripletIndex) -> bool:
        return (np.array_equal(index.image_stat, file_stats(triplets.image_dir, index.image_name.tolist()))
                and np.array_equal(index.mask_stat, file_stats(triplets.mask_dir, index.mask_name.tolist())))

    return open_index((triplets.path, ), sources, lambda: read_triplet_index(triplets), kind=TripletIndex,
                      is_current=is_current, tag=f'.{tag}')


def read_triplet_index(triplets: TripletList) -> TripletIndex:
    """Read a list and all its images' headers and masks; :func:`open_triplet_index` does so once and keeps the index.

    Returns:
        TripletIndex: What is wrong with single rows is in ``problem_ref`` and ``problem_text``, with the lines.

    Raises:
        RefDataError: As :func:`read_triplets`.
    """
    before = fingerprints(triplets.path)
    with gc_paused():
        found = read_triplets(triplets)
        columns = read_refs(in_refer_format(found.refs), triplets.path, read_targets)
        lines = found.refs.lines()
        found = found._replace(refs=None)  # before the arrays are made
        index = assemble_index(columns, found.images, found.segmentations, os.path.basename(triplets.path),
                               ignored=found.ignored)
    if fingerprints(triplets.path) != before:
        raise RefDataError(f'{triplets.path} changed while it was read: start again')
    arrays = index.to_arrays()
    # One that cannot be read has no segmentation either: the first reason is the one to say.
    reasons = dict(zip(index.problem_ref.tolist(), index.problem_text.tolist())) | found.problems
    arrays['problem_ref'] = np.array(sorted(reasons), np.int64)
    starts = index.ref_expressions
    arrays['problem_text'] = np.array([
        f'{_lines(lines[starts[row]:starts[row + 1]].tolist())}: {reasons[row]}' for row in sorted(reasons)], np.str_)
    return TripletIndex.from_arrays(dict(
        arrays, mask_name=np.array(found.mask_names, np.str_), image_stat=found.image_stat, mask_stat=found.mask_stat,
        expression_line=lines))


def _lines(lines: List[int]) -> str:
    distinct = list(dict.fromkeys(lines))
    first, others = place(distinct[0]), [str(abs(line)) for line in distinct[1:5]]
    if others:
        first = first.replace(' ', 's ', 1)
    return ', '.join([first, *others]) + ', …' * (len(distinct) > 5)
