"""Expressions to the ids of word pieces."""

from dataclasses import dataclass
from typing import Sequence, Tuple

from tokenizers import Tokenizer
from torch import Tensor

from .base_text_encoder import pad_ids


@dataclass
class PieceTokenizer:
    """Tokenizer of an encoder of transformers: the pieces of a fast tokenizer with its special tokens.

    Args:
        backend (Tokenizer): Of the tokenizers library, which neither cuts nor pads.
        pad_id (int): What stands in the padding.
        max_length (int): How many pieces of an expression are read.
        keep_end (bool): Whether an expression that is cut keeps its last token. Defaults to False.
        fixed_length (bool): Whether every expression is padded to ``max_length``, and not to the longest of the batch.
            Defaults to False.
    """

    backend: Tokenizer
    pad_id: int
    max_length: int
    keep_end: bool = False
    fixed_length: bool = False

    kind = 'pieces'

    def __call__(self, expressions: Sequence[str]) -> Tuple[Tensor, Tensor]:
        """N expressions -> ids (N, L) int64 and mask (N, L) bool, True = a real piece."""
        # One by one: a batch starts the tokenizer's threads, which do not survive the fork of the
        # data loader's workers (older versions warn in each), and at 10 µs each there is little to win.
        rows = [self.backend.encode(expression).ids for expression in expressions]
        return pad_ids([self._cut(row) for row in rows], self.pad_id, self.max_length if self.fixed_length else None)

    def _cut(self, row: list) -> list:
        if len(row) > self.max_length and self.keep_end:
            return [*row[:self.max_length - 1], row[-1]]
        return row[:self.max_length]

    def state(self) -> dict:
        """dict: What JSON can hold and :meth:`from_state` takes."""
        return dict(backend=self.backend.to_str(), pad_id=self.pad_id, max_length=self.max_length,
                    keep_end=self.keep_end, fixed_length=self.fixed_length)

    @classmethod
    def from_state(cls, backend: str, pad_id: int, max_length: int, keep_end: bool,
                   fixed_length: bool = False) -> 'PieceTokenizer':
        """The tokenizer whose :meth:`state` this is."""
        return cls(Tokenizer.from_str(backend), pad_id, max_length, keep_end, fixed_length)
