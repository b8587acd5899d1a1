"""CLIP's attention pool, kept spatial (CRIS, CVPR 2022, §3.1)."""

from typing import Optional

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn


class SpatialAttentionPool(BaseModule):
    """Every cell is a query, where CLIP's own has one for the whole map: a map comes out instead of a vector.

    ``V_5 = relu(W_c attention(X + p) + BN(W_r X))``, with p the positions of CLIP's training, brought to the map's size
    (bicubic), without that of the mean that CLIP puts before the cells. The second term, a new one beside CLIP's
    weights, is the released code's. Parameters are named as in OpenAI's checkpoints.

    Args:
        in_channels (int): C of the map.
        out_channels (int): C of V_5.
        num_heads (int): Of the attention.
        grid (int): Side of the map that the positions are for. Defaults to 7: images of 224 pixels.
        norm_cfg (dict, optional): Of the second term. Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 num_heads: int,
                 grid: int = 7,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.num_heads = num_heads
        self.grid = grid
        self.positional_embedding = nn.Parameter(torch.randn(grid**2 + 1, in_channels) / in_channels**0.5)
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(in_channels, in_channels) for _ in range(3))
        self.c_proj = nn.Linear(in_channels, out_channels)
        for layer in (self.q_proj, self.k_proj, self.v_proj, self.c_proj):
            nn.init.normal_(layer.weight, std=in_channels**-0.5)
        self.connect = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
            build_norm_layer(norm_cfg or dict(type='BN'), out_channels)[1])

    def forward(self, maps: Tensor) -> Tensor:
        """X (B, C, H, W) -> V_5 (B, C', H, W)."""
        # (B, C, H, W) -> (B, HW, C)
        cells = (maps + self._positions(*maps.shape[2:])).flatten(2).transpose(1, 2)
        # (B, HW, C) -> (B, heads, HW, C / heads)
        query, key, value = (layer(cells).unflatten(2, (self.num_heads, -1)).transpose(1, 2)
                             for layer in (self.q_proj, self.k_proj, self.v_proj))
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        # (B, HW, C') -> (B, C', H, W)
        pooled = self.c_proj(attended).transpose(1, 2).unflatten(2, maps.shape[2:])
        return (pooled + self.connect(maps)).relu()

    def _positions(self, height: int, width: int) -> Tensor:
        """(1, C, H, W)."""
        # (g * g, C) -> (1, C, g, g)
        positions = self.positional_embedding[1:].t().unflatten(1, (self.grid, self.grid))[None]
        if (height, width) == (self.grid, self.grid):
            return positions
        return F.interpolate(positions, (height, width), mode='bicubic', align_corners=False)
