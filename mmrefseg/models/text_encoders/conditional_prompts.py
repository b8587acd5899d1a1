"""Words that stand for an image (CARIS, ACM MM 2023: conditional prompts)."""

from typing import Sequence

import torch
from torch import Tensor, nn

from ..utils import adaptive_average


class ConditionalPrompts(nn.Module):
    """An image's coarsest map as a few more words of a sentence.

    For each grid g x g: the map averaged to g x g, through two linear layers of the grid's own with ReLU between; all
    cells in a row, plus a learned vector each, then a layer norm.

    Args:
        in_channels (int): C of the map.
        channels (int): C of the words.
        grids (Sequence[int]): The g. Defaults to (1, 2), five prompts, as published.
    """

    def __init__(self, in_channels: int, channels: int, grids: Sequence[int] = (1, 2)) -> None:
        super().__init__()
        self.grids = tuple(grids)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(in_channels, channels), nn.ReLU(), nn.Linear(channels, channels)) for _ in grids)
        self.prompts = nn.Embedding(sum(grid * grid for grid in grids), channels)
        self.norm = nn.LayerNorm(channels)
        nn.init.normal_(self.prompts.weight, std=0.02)  # as BERT's embeddings

    def forward(self, image_map: Tensor) -> Tensor:
        """(B, C', H, W) -> (B, P, C), cells of a grid row by row."""
        cells = [layer(adaptive_average(image_map, (grid, grid)).flatten(2).transpose(1, 2))
                 for grid, layer in zip(self.grids, self.layers)]
        return self.norm(torch.cat(cells, dim=1) + self.prompts.weight)
