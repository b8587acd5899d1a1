"""Several maps as one sequence of pixels, and back: what deformable attention runs on."""

from dataclasses import dataclass, replace
from typing import List, Optional, Sequence, Tuple

import torch
from mmcv.cnn import ConvModule
from mmdet.models.layers import SinePositionalEncoding
from torch import Tensor, nn


@dataclass
class PixelSequence:
    """The pixels of several maps in a row, the coarsest map first.

    Attributes:
        pixels (Tensor): (N, S, C).
        positions (Tensor): (1, S, C), the same for all rows.
        places (Tensor): (S, 2), x and y of each pixel's centre, from 0 to 1.
        sizes (list[tuple[int, int]]): (H, W) of each map.
    """

    pixels: Tensor
    positions: Tensor
    places: Tensor
    sizes: List[Tuple[int, int]]

    def with_pixels(self, pixels: Tensor) -> 'PixelSequence':
        """The same maps with other pixels (N, S, C)."""
        return replace(self, pixels=pixels)

    def maps(self) -> List[Tensor]:
        """list[Tensor]: One (N, C, H, W) a map, the coarsest first."""
        rows = self.pixels.split([height * width for height, width in self.sizes], dim=1)
        # (N, HW, C) -> (N, C, H, W)
        return [row.transpose(1, 2).unflatten(2, size) for row, size in zip(rows, self.sizes)]


class PixelLevels(nn.Module):
    """Brings a backbone's maps to one width: all but the finest as a sequence, the finest as a map.

    A 1x1 convolution and a group norm for each; the finest, which no attention runs on, has no bias. The position of a
    pixel is the sine of both axes (normalized, as DETR's) and a learned vector of its level.

    Args:
        in_channels (Sequence[int]): C of each map, finest first.
        channels (int): C of the sequence; a multiple of 4. Defaults to 256.
        norm_cfg (dict, optional): Defaults to ``dict(type='GN', num_groups=32)``.

    Raises:
        ValueError: There are fewer than two maps, or ``channels`` is no multiple of 4.
    """

    def __init__(self, in_channels: Sequence[int], channels: int = 256, norm_cfg: Optional[dict] = None) -> None:
        super().__init__()
        if len(in_channels) < 2:
            raise ValueError(f'in_channels is {tuple(in_channels)}, expected two levels or more: the finest is merged '
                             'with what attention makes of the others')
        if channels % 4:
            raise ValueError(f'channels is {channels}, expected a multiple of 4 for the sines of two axes')
        norm_cfg = norm_cfg or dict(type='GN', num_groups=32)
        finest, *coarser = in_channels
        convolution = dict(kernel_size=1, norm_cfg=norm_cfg, act_cfg=None)
        self.coarser = nn.ModuleList(ConvModule(width, channels, bias=True, **convolution) for width in coarser[::-1])
        self.finest = ConvModule(finest, channels, bias=False, **convolution)
        self.position = SinePositionalEncoding(channels // 2, normalize=True)
        self.level_embedding = nn.Embedding(len(coarser), channels)
        for layer in self.coarser:  # as published
            nn.init.xavier_uniform_(layer.conv.weight)
            nn.init.zeros_(layer.conv.bias)

    @property
    def num_levels(self) -> int:
        """int: Maps in the sequence."""
        return len(self.coarser)

    def forward(self, maps: Sequence[Tensor]) -> Tuple[Tensor, PixelSequence]:
        """One (B, C_i, H_i, W_i) map a level, finest first -> the finest (B, C, H_1, W_1), and the others' pixels.

        Raises:
            ValueError: There is another number of maps.
        """
        if len(maps) != self.num_levels + 1:
            raise ValueError(f'in_channels names {self.num_levels + 1} levels, but {len(maps)} maps are handed over')
        finest, *coarser = maps
        projected = [layer(level) for layer, level in zip(self.coarser, coarser[::-1])]
        sizes = [tuple(level.shape[2:]) for level in projected]
        # (B, C, H, W) -> (B, HW, C)
        pixels = torch.cat([level.flatten(2).transpose(1, 2) for level in projected], dim=1)
        positions = torch.cat([
            self.position(None, level[:1]).flatten(2).transpose(1, 2) + embedding
            for level, embedding in zip(projected, self.level_embedding.weight)], dim=1)
        places = torch.cat([_centres(size, pixels.device) for size in sizes])
        return self.finest(finest), PixelSequence(pixels, positions, places, sizes)


def _centres(size: Tuple[int, int], device: torch.device) -> Tensor:
    """(HW, 2): x and y of the centres of a map's pixels, from 0 to 1."""
    y, x = ((torch.arange(side, device=device) + 0.5) / side for side in size)
    return torch.stack(torch.meshgrid(y, x, indexing='ij')[::-1], dim=2).flatten(0, 1)
