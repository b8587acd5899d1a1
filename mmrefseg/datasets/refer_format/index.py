"""The refer format in memory: a handful of flat arrays, nothing per sample.

A list of dicts per sample is copied into every data-loading worker bit by bit, since reading an
object writes its reference count; a flat array is shared by all of them for good.
"""

from dataclasses import dataclass, fields
from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from .index_file import map_counted

POLYGON, RLE = 0, 1
#: In the place of an annotation's id, for the object that a ref with several targets (gRefCOCO) has.
SEVERAL_TARGETS = -2
#: In the place of an annotation's id, for the pixels to ignore beside an object.
IGNORED = -3
TEXT_FIELDS = ('raw', 'sent')


@dataclass(frozen=True, eq=False)
class ReferIndex:
    """All splits of one ``instances.json`` + ``refs(<split_by>).p``, as arrays.

    Symbols: R refs, S expressions ("sentences"), I images and O objects (annotations) that some
    ref names, P parts of segmentations, X refs that cannot be used. A "row" is a position in a
    table; -1 = there is none.

    Attributes:
        split_names: (splits,) str, sorted.
        ref_id, ref_split, ref_image, ref_object: (R,) the id and the rows of split, image, object.
        ref_expressions: (R + 1,) ref r has the expressions ``ref_expressions[r:r + 2]`` delimits.
        sent_id, expression_ref: (S,) the id and the ref's row.
        raw, sent: bytes (uint8) of all expressions, UTF-8, in the two published wordings.
        raw_offsets, sent_offsets: (S + 1,) expression s is ``raw[offsets[s]:offsets[s + 1]]``.
        raw_blank, sent_blank: (S,) bool, nothing but white space.
        image_id, image_size, image_name: (I,), (I, 2) height and width, (I,) str.
        ann_id, object_parts: (O,) and (O + 1,), delimiting the object's parts. In gRefCOCO a set of several
            targets is an object, with the parts of all and the id -2, and no target is one, without parts, -1. What
            is ignored beside an object is an object of its own, that no ref names, with the id -3.
        object_ignore: (O,) row of the object whose pixels count nowhere for this one, -1 = none.
        part_kind, part_size: (P,) POLYGON or RLE, (P, 2) height and width of an RLE, else 0.
        part_start, part_stop: (P,) where it lies in ``coordinates`` or ``rle_counts``.
        coordinates, rle_counts: float64 x, y, x, y, … in pixels; bytes (uint8) of compressed RLEs.
        problem_ref, problem_text: (X,) the ref's row and what is wrong, for refs without usable
            image, object, segmentation or expressions.
        kept_in: the file that the arrays are mapped from and its sources, as :meth:`map_file` takes them.
        checksum: of that file, which tells this content from any other.
    """

    split_names: np.ndarray
    ref_id: np.ndarray
    ref_split: np.ndarray
    ref_image: np.ndarray
    ref_object: np.ndarray
    ref_expressions: np.ndarray
    sent_id: np.ndarray
    expression_ref: np.ndarray
    raw: np.ndarray
    raw_offsets: np.ndarray
    raw_blank: np.ndarray
    sent: np.ndarray
    sent_offsets: np.ndarray
    sent_blank: np.ndarray
    image_id: np.ndarray
    image_size: np.ndarray
    image_name: np.ndarray
    ann_id: np.ndarray
    object_parts: np.ndarray
    object_ignore: np.ndarray
    part_kind: np.ndarray
    part_size: np.ndarray
    part_start: np.ndarray
    part_stop: np.ndarray
    coordinates: np.ndarray
    rle_counts: np.ndarray
    problem_ref: np.ndarray
    problem_text: np.ndarray
    kept_in: Optional[Tuple[str, Sequence]] = None
    checksum: Optional[str] = None

    def __post_init__(self) -> None:
        for array in self.to_arrays().values():
            array.flags.writeable = False

    def __deepcopy__(self, memo: dict) -> 'ReferIndex':
        """Nothing in here changes, so that a subset of a dataset shares its index."""
        return self

    def __reduce__(self) -> tuple:
        """A worker that is not forked opens the file too, instead of being sent all there is in it."""
        return (type(self).map_file, self.kept_in) if self.kept_in else (type(self).from_arrays, (self.to_arrays(), ))

    @classmethod
    def array_names(cls) -> List[str]:
        """list[str]: The names of the arrays."""
        return [field.name for field in fields(cls) if field.name not in ('kept_in', 'checksum')]

    def to_arrays(self) -> Dict[str, np.ndarray]:
        """dict[str, np.ndarray]: The index as plain arrays, by name."""
        return {name: getattr(self, name) for name in self.array_names()}

    @classmethod
    def from_arrays(cls, arrays: Dict[str, np.ndarray],
                    kept_in: Optional[Tuple[str, Sequence]] = None, checksum: Optional[str] = None) -> 'ReferIndex':
        """The index made of what :meth:`to_arrays` gave (memory-mapped arrays will do)."""
        return cls(**arrays, kept_in=kept_in, checksum=checksum)

    @classmethod
    def map_file(cls, path: str, sources: Sequence) -> 'ReferIndex':
        """The index that ``write_arrays`` of :mod:`.index_file` wrote.

        Args:
            path (str): The file.
            sources (Sequence): What it must have been made of.

        Returns:
            ReferIndex: Its arrays are mapped into memory.

        Raises:
            IndexFileError: The file does not hold it.
        """
        arrays, checksum = map_counted(path, sources, cls.array_names())
        return cls.from_arrays(arrays, kept_in=(path, sources), checksum=checksum)

    def refs_of_split(self, split: str) -> np.ndarray:
        """Rows of the refs of a split, in the file's order; none for an unknown split.

        Args:
            split (str): The split's exact name.

        Returns:
            np.ndarray: (refs,) int64.
        """
        return np.flatnonzero(np.isin(self.ref_split, np.flatnonzero(self.split_names == split)))

    def expressions_of_refs(self, ref_rows: np.ndarray) -> np.ndarray:
        """Rows of all expressions of some refs, in order.

        Args:
            ref_rows (np.ndarray): (refs,) rows of refs.

        Returns:
            np.ndarray: (expressions,) int64.
        """
        return ranges(self.ref_expressions[ref_rows], self.ref_expressions[ref_rows + 1])

    def expression_text(self, row: int, text_field: str = 'raw') -> str:
        """The words of an expression.

        Args:
            row (int): Row of the expression.
            text_field (str): ``'raw'`` (as typed) or ``'sent'`` (lower case, no punctuation).

        Returns:
            str: The text.
        """
        offsets = getattr(self, f'{text_field}_offsets')
        return getattr(self, text_field)[offsets[row]:offsets[row + 1]].tobytes().decode('utf-8')

    def segmentation(self, row: int) -> Union[List[list], dict, List[dict]]:
        """The segmentation of an object.

        Args:
            row (int): Row of the object.

        Returns:
            list | dict: Polygons ``[[x0, y0, x1, y1, …], …]``, one RLE dict
            ``{size: [H, W], counts: str}`` or a list of RLE dicts.
        """
        first, last = self.object_parts[row:row + 2].tolist()
        parts = [self._part(part) for part in range(first, last)]
        return parts[0] if len(parts) == 1 and isinstance(parts[0], dict) else parts

    def ignored(self, row: int) -> Union[list, dict]:
        """Ignored pixels beside an object.

        Args:
            row (int): Row of the object.

        Returns:
            list | dict: As :meth:`segmentation` gives it, [] for nothing.
        """
        other = int(self.object_ignore[row])
        return self.segmentation(other) if other >= 0 else []

    def _part(self, part: int) -> Union[list, dict]:
        start, stop = self.part_start[part], self.part_stop[part]
        if self.part_kind[part] == POLYGON:
            return self.coordinates[start:stop].tolist()
        return dict(
            size=self.part_size[part].tolist(),
            counts=self.rle_counts[start:stop].tobytes().decode('ascii'))


def ranges(start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """np.ndarray: (numbers,) int64: ``range(start[0], stop[0])``, then ``range(start[1], stop[1])``, and so on."""
    counts = stop - start
    first = np.cumsum(counts) - counts
    return np.arange(counts.sum()) + np.repeat(start - first, counts)
