"""The refs of a list, while the list is read."""

import itertools
from array import array
from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, List, Union

import numpy as np

from mmrefseg.utils.word_characters import is_word_character

from ..refer_format.gref_json import NO_TARGET
from ..spool import Numbering, SpooledTexts


@dataclass
class ListedRef:
    """A ref of a list.

    Attributes:
        ref_id, image_id: Its ids.
        ann_id: Its object's id; ``[-1]`` of one without target and without pixels to ignore, as in gRefCOCO.
        split, file_name: As the rows have them.
        texts: Its expressions.
        lines: Of the list, one for each expression.
    """

    ref_id: int
    ann_id: Union[int, List[int]]
    image_id: int
    split: str
    file_name: str
    texts: List[str]
    lines: List[int]


class ListedRefs(Iterable[ListedRef]):
    """Refs of a list, whose rows may come in any order: their numbers as columns, their expressions in a spool.

    A ref has some 40 bytes of memory and an expression some 40 more, where a list of objects takes ten times that.

    Args:
        image_ids (dict): By the images' names.

    Attributes:
        ref_id, object, first_line: Of each ref: its id, its object's number, the line of its first row.
        without_target: Numbers of the objects that are none, see :attr:`ListedRef.ann_id`.
    """

    def __init__(self, image_ids: Dict[str, int]) -> None:
        self._image_ids, self._splits, self._rows = image_ids, {}, Numbering()
        self.ref_id, self.object, self.first_line, self._image, self._split = (array('q') for _ in range(5))
        self._ref_of, self._line_of, self._texts = array('q'), array('q'), SpooledTexts()
        self.without_target: set = set()

    def __len__(self) -> int:
        return len(self.ref_id)

    def row(self, key: bytes, ref_id: Union[int, None], number: int, image_id: int, split: str, line: int) -> int:
        """The row of the ref of a key: a new one, where the key is new, whose id is its row if ``ref_id`` is None."""
        row = self._rows.number(key)
        if row == len(self.ref_id):
            self.ref_id.append(row if ref_id is None else ref_id)
            self.object.append(number)
            self.first_line.append(line)
            self._image.append(image_id)
            self._split.append(self._splits.setdefault(split, len(self._splits)))
        return row

    def is_in_split(self, row: int, split: str) -> bool:
        """Whether a ref is in a split."""
        return self._splits.get(split) == self._split[row]

    def add(self, row: int, line: int, texts: Iterable[str]) -> None:
        """Add a line's expressions to a ref."""
        for text in texts:
            self._ref_of.append(row)
            self._line_of.append(line)
            self._texts.put(len(self._texts), text.encode())

    def lines(self) -> np.ndarray:
        """np.ndarray: (S,) int64, lines of the expressions, ref by ref."""
        return np.frombuffer(self._line_of, np.int64)[self._order()]

    def __iter__(self) -> Iterator[ListedRef]:
        names, splits = list(self._image_ids), list(self._splits)
        order = self._order()
        ends = np.cumsum(np.bincount(np.frombuffer(self._ref_of, np.int64), minlength=len(self)))
        start = 0
        for row, end in enumerate(ends.tolist()):
            own = order[start:end].tolist()
            number, image_id = self.object[row], self._image[row]
            yield ListedRef(
                self.ref_id[row], [NO_TARGET] if number in self.without_target else number, image_id,
                splits[self._split[row]], names[image_id], texts=[self._texts[each].decode() for each in own],
                lines=[self._line_of[each] for each in own])
            start = end

    def _order(self) -> np.ndarray:
        """(S,) the expressions ref by ref, those of a ref as the list has them."""
        return np.argsort(np.frombuffer(self._ref_of, np.int64), kind='stable')


def in_refer_format(refs: Iterable[ListedRef]) -> Iterator[dict]:
    """Give refs as the refer format has them, but for ``tokens``; sentences are numbered from 0."""
    sent_ids = itertools.count()
    for ref in refs:
        sentences = [dict(raw=text, sent=clean_text(text), sent_id=next(sent_ids)) for text in ref.texts]
        yield dict(ref_id=ref.ref_id, ann_id=ref.ann_id, image_id=ref.image_id, category_id=1, split=ref.split,
                   file_name=ref.file_name, sentences=sentences)


def clean_text(text: str) -> str:
    """str: The text in lower case, without punctuation, as the refer format's ``sent``."""
    kept = (char for char in text.lower() if char.isspace() or is_word_character(char))
    return ' '.join(''.join(kept).split())
