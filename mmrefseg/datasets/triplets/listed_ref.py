"""A ref of a list, while the list is read."""

import itertools
from dataclasses import dataclass
from typing import Iterable, Iterator, List, Union

from mmrefseg.utils.word_characters import is_word_character


@dataclass(slots=True)
class ListedRef:
    """A ref that waits for the rest of its list, in a third of the memory that the refer format's dicts take.

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
