"""A layer of CARIS' pixel decoder (ACM MM 2023)."""

from typing import Tuple

import torch
from torch import Tensor, nn

from ..utils import DeformableAttention, FeedForward, PixelSequence, ProjectedAttention


class CARISLayer(nn.Module):
    """Words and pixels change each other, in turn; all sums are followed by a layer norm.

    ::

        words  ─ attend to pixels · gamma ─ to words ─ feed-forward ─┬─► words'
        pixels ────────────────────────── attend to words' · gamma ◄─┘ ─ deformable attention ─ feed-forward ─► pixels'

    Positions are added to pixels as keys of the words, as queries to the words and as queries of the deformable
    attention, never to what is read. The gammas are vectors of ones at the start.

    Args:
        channels (int): C of words and pixels.
        num_levels (int): Maps in the sequence of pixels.
        attention_channels (int): Inner width of the attentions that are not deformable.
        feedforward_channels (int): Inner width of both feed-forward parts.
        num_heads (int): Of all attentions.
        num_points (int): Of the deformable attention, each head and level.
    """

    def __init__(self, channels: int, num_levels: int, attention_channels: int, feedforward_channels: int,
                 num_heads: int, num_points: int) -> None:
        super().__init__()
        self.words_to_pixels = ProjectedAttention(channels, attention_channels, num_heads)
        self.words_to_words = ProjectedAttention(channels, attention_channels, num_heads)
        self.pixels_to_words = ProjectedAttention(channels, attention_channels, num_heads)
        self.pixels_to_pixels = DeformableAttention(channels, num_levels, num_heads, num_points)
        self.word_gamma = nn.Parameter(torch.ones(channels))
        self.pixel_gamma = nn.Parameter(torch.ones(channels))
        self.word_feed_forward = FeedForward(channels, feedforward_channels)
        self.pixel_feed_forward = FeedForward(channels, feedforward_channels)
        self.word_norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(3))
        self.pixel_norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(3))

    def forward(self, words: Tensor, mask: Tensor, sequence: PixelSequence) -> Tuple[Tensor, PixelSequence]:
        """One step.

        Args:
            words (Tensor): (N, L, C), the visual prompts among them.
            mask (Tensor): (N, L) bool, True = no padding.
            sequence (PixelSequence): Of N rows.

        Returns:
            tuple[Tensor, PixelSequence]: Both, changed.
        """
        pixels, positions = sequence.pixels, sequence.positions
        attended = self.words_to_pixels(words, pixels + positions, pixels)
        words = self.word_norms[0](words + self.word_gamma * attended)
        words = self.word_norms[1](words + self.words_to_words(words, words, words, mask))
        words = self.word_norms[2](words + self.word_feed_forward(words))
        attended = self.pixels_to_words(pixels + positions, words, words, mask)
        pixels = self.pixel_norms[0](pixels + self.pixel_gamma * attended)
        attended = self.pixels_to_pixels(pixels, positions, sequence.places, sequence.sizes)
        pixels = self.pixel_norms[1](pixels + attended)
        pixels = self.pixel_norms[2](pixels + self.pixel_feed_forward(pixels))
        return words, sequence.with_pixels(pixels)
