"""Expressions to the ids of whole words."""

from dataclasses import dataclass
from typing import Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .vocabulary import Vocabulary


@dataclass
class WordTokenizer:
    """Tokenizer of a recurrent encoder: words of a vocabulary, between boundary tokens where it has them.

    Args:
        vocabulary (Vocabulary): The words.
        max_length (int): How many words of an expression are read, the boundaries included.
        boundaries (bool): Whether a token of its own stands before and behind the words.
    """

    vocabulary: Vocabulary
    max_length: int
    boundaries: bool = False

    kind = 'words'

    def __call__(self, expressions: Sequence[str]) -> Tuple[Tensor, Tensor]:
        """N expressions -> ids (N, L) int64 and mask (N, L) bool, True = a real word.

        Raises:
            RefDataError: An expression is empty or blank.
        """
        if not self.boundaries:
            return self.vocabulary.encode(expressions, max_length=self.max_length)
        ids, mask = self.vocabulary.encode(expressions, max_length=self.max_length - 2)
        begin_id = len(self.vocabulary)
        # (N, L) -> (N, L + 2): a column before the words, and one behind them for the longest
        ids = F.pad(F.pad(ids, (1, 0), value=begin_id), (0, 1), value=Vocabulary.pad_id)
        mask = F.pad(F.pad(mask, (1, 0), value=True), (0, 1), value=False)
        rows, ends = torch.arange(len(ids)), mask.sum(dim=1)
        ids[rows, ends] = begin_id + 1
        mask[rows, ends] = True
        return ids, mask

    def state(self) -> dict:
        """dict: What JSON can hold and :meth:`from_state` takes."""
        return dict(words=list(self.vocabulary.words), max_length=self.max_length, boundaries=self.boundaries)

    @classmethod
    def from_state(cls, words: Sequence[str], max_length: int, boundaries: bool) -> 'WordTokenizer':
        """The tokenizer whose :meth:`state` this is."""
        return cls(Vocabulary(words), max_length, boundaries)
