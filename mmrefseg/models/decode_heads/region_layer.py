"""Regions that look at an image, a sentence and each other (ReLA: GRES, CVPR 2023, §4.2)."""

import torch
from torch import Tensor, nn

from ..utils import FeedForward, ProjectedAttention


class RegionLanguageAttention(nn.Module):
    """Regions attend to the words: RLA's language part.

    ``R' = R + weight * sigmoid(w) LayerNorm(R + attention(R, W L))`` with a learned number w.

    W starts at zero, so that the words come in little by little. Without a mask padding takes part, as published.

    Args:
        channels (int): C of the regions.
        text_channels (int): C of the words.
        num_heads (int): Of the attention.
        weight (float): Defaults to 0.1.
    """

    def __init__(self, channels: int, text_channels: int, num_heads: int, weight: float = 0.1) -> None:
        super().__init__()
        self.weight = weight
        self.project = nn.Linear(text_channels, channels, bias=False)
        nn.init.zeros_(self.project.weight)
        self.attention = ProjectedAttention(channels, num_heads=num_heads)
        self.norm = nn.LayerNorm(channels)
        self.gate = nn.Parameter(torch.tensor(0.))

    def forward(self, regions: Tensor, words: Tensor, mask: Tensor = None) -> Tensor:
        """Regions (N, Q, C), words (N, L, C_t) and their mask (N, L), True = may be seen -> (N, Q, C)."""
        words = self.project(words)
        attended = self.norm(regions + self.attention(regions, words, words, mask))
        return regions + self.weight * self.gate.sigmoid() * attended


class RegionLayer(nn.Module):
    """Regions look at the image where their masks are (RIA), at each other (RLA's region part), and think it over.

    ::

        pixels ─► attention inside the region's mask ─ (words, in the first layer) ─► self-attention ─► feed-forward

    Post-norm. Each region has a learned position, added wherever it asks and is asked.

    Args:
        channels (int): C.
        num_heads (int): Of both attentions.
        feedforward_channels (int): Inner width of the feed-forward part.
        language (RegionLanguageAttention, optional): What comes between both attentions.
    """

    def __init__(self, channels: int, num_heads: int, feedforward_channels: int,
                 language: RegionLanguageAttention = None) -> None:
        super().__init__()
        self.image_attention = ProjectedAttention(channels, num_heads=num_heads)
        self.language = language
        self.region_attention = ProjectedAttention(channels, num_heads=num_heads)
        self.feed_forward = FeedForward(channels, feedforward_channels)
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(3))

    def forward(self, regions: Tensor, positions: Tensor, pixels: Tensor, keys: Tensor, inside: Tensor, words: Tensor,
                mask: Tensor = None) -> Tensor:
        """One step.

        Args:
            regions (Tensor): (N, Q, C).
            positions (Tensor): (Q, C), of the regions.
            pixels (Tensor): (N, HW, C).
            keys (Tensor): (N, HW, C), the pixels with their positions.
            inside (Tensor): (N, Q, HW) bool, the pixels that a region may look at, one or more.
            words (Tensor): (N, L, C_t).
            mask (Tensor, optional): (N, L) bool, the words that may be seen. None: all.

        Returns:
            Tensor: (N, Q, C).
        """
        regions = self.norms[0](regions + self.image_attention(regions + positions, keys, pixels, inside))
        if self.language is not None:
            regions = self.language(regions, words, mask)
        placed = regions + positions
        regions = self.norms[1](regions + self.region_attention(placed, placed, regions))
        return self.norms[2](regions + self.feed_forward(regions))
