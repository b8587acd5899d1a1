"""The two dataclasses that are the only contract between the parts of a model.

Symbols: B images, N expressions (N >= B), L words, C channels, H x W pixels of a map.
"""

from dataclasses import dataclass, replace
from typing import Optional, Tuple

from torch import Tensor


@dataclass
class TextFeatures:
    """Features of N expressions, which a text encoder makes.

    Attributes:
        words (Tensor): (N, L, C), a feature a word (or word piece).
        mask (Tensor): (N, L) bool, True = a real word, False = padding.
        sentence (Tensor): (N, C'), one feature an expression; C' = C but for an encoder with a projection of it.
    """

    words: Tensor
    mask: Tensor
    sentence: Tensor

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index) -> 'TextFeatures':
        """The features of some expressions: ``index`` is a slice or an index tensor over N."""
        return TextFeatures(self.words[index], self.mask[index], self.sentence[index])


@dataclass
class MultiModalFeatures:
    """Features of N expressions on their images, which a fusion makes.

    Attributes:
        maps (Tuple[Tensor]): One (N, C_i, H_i, W_i) map a level, finest first.
        text (TextFeatures): The N expressions.
        queries (Tensor, optional): (N, Q, C), query vectors (VLT, M3Dec).
        prior (Tensor, optional): (N, 1, h, w), logits of where the referent is (LTS' heatmap).
    """

    maps: Tuple[Tensor, ...]
    text: TextFeatures
    queries: Optional[Tensor] = None
    prior: Optional[Tensor] = None

    def with_maps(self, maps: Tuple[Tensor, ...]) -> 'MultiModalFeatures':
        """The same features on other maps (what a neck does)."""
        return replace(self, maps=tuple(maps))
