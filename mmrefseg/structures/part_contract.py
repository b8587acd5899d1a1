"""Contract of a part: the features that it reads and gives, compared when a model is built.

Nothing here is needed to run. :func:`mmrefseg.models.segmentors.part_checks.check_parts` compares what the parts of a
model say, so that two that cannot work together are found before any data is read. A part that says nothing is not
checked.
"""

from dataclasses import dataclass
from typing import Optional, Tuple


@dataclass(frozen=True)
class Gives:
    """Features that a backbone or a fusion hands on: its attribute ``gives``.

    Attributes:
        maps (tuple[int]): C of each level, finest first.
        queries (int, optional): C of the queries. None: there are none.
        num_queries (int, optional): How many queries an expression has. None: one a word.
        prior (bool): Whether there is a prior.
        text_in_maps (bool): Whether the maps know the expression. False: it is in queries or prior alone.
        map_size (tuple[int], optional): (H, W) of the last level, where the part is made for images of one size.
    """

    maps: Tuple[int, ...]
    queries: Optional[int] = None
    num_queries: Optional[int] = None
    prior: bool = False
    text_in_maps: bool = True
    map_size: Optional[Tuple[int, int]] = None


@dataclass(frozen=True)
class Reads:
    """Features that a part reads of the text and of the part before it: its attribute ``reads``. None: any.

    Attributes:
        text (int, optional): C of the words.
        sentence (int, optional): C of the sentence.
        maps (tuple[int], optional): C of each level, finest first.
        last_map (int, optional): C of the coarsest level, for a part that reads no other.
        queries (int, optional): C of the queries.
        num_queries (int, optional): How many queries, exactly.
        word_queries (bool): Whether there must be one query a word.
        max_queries (int, optional): The most queries it can take; of one a word there are up to
            ``text_encoder.max_length``.
        prior (bool, optional): Whether there must be a prior (True) or none (False).
        map_size (tuple[int], optional): (H, W) of the maps that it is made for, where it has a weight a cell.
        joins_text (bool): Of a decoder or a head: whether it joins words and pixels itself, so that the maps may be the
            image's alone.
        fixed_length (bool): Whether it reads padded words, so that every expression must have as many:
            ``text_encoder.fixed_length``.
    """

    text: Optional[int] = None
    sentence: Optional[int] = None
    maps: Optional[Tuple[int, ...]] = None
    last_map: Optional[int] = None
    queries: Optional[int] = None
    num_queries: Optional[int] = None
    word_queries: bool = False
    max_queries: Optional[int] = None
    prior: Optional[bool] = None
    map_size: Optional[Tuple[int, int]] = None
    joins_text: bool = False
    fixed_length: bool = False
