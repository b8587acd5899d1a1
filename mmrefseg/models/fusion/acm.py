"""ACM, the asymmetric co-attention of CEFNet (Feng et al., CVPR 2021)."""

from typing import Optional, Sequence, Tuple

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..utils import adaptive_average


class ACM(BaseModule):
    """Two maps of one size attend to themselves with one attention in common.

    For X in {image, language}, with p the averages of a pyramid (cells of 1x1, 3x3, 6x6 and 8x8 grids: 110 keys)::

        A    = Softmax_keys((q_image p(k_image)^T + q_language p(k_language)^T) / sqrt(C_key))
        X'   = W_X(A p(v_X)^T)

    q and k are 1x1 convolutions with batch norm and ReLU, v and W plain 1x1 convolutions. "Asymmetric" are the many
    queries and the few pooled keys. As in the released code.

    Args:
        channels (int): C of both maps, in and out.
        key_channels (int): C of queries, keys and values. Defaults to ``channels / 2``, as released.
        grids (Sequence[int]): Sides of the pyramid's grids. Defaults to (1, 3, 6, 8).
        norm_cfg (dict): Defaults to ``dict(type='BN')``.
    """

    def __init__(self,
                 channels: int,
                 key_channels: Optional[int] = None,
                 grids: Sequence[int] = (1, 3, 6, 8),
                 norm_cfg: Optional[dict] = None) -> None:
        super().__init__()
        key_channels = key_channels or channels // 2
        norm_cfg = norm_cfg or dict(type='BN')
        self.scale = key_channels**-0.5
        self.grids = tuple(grids)
        self.queries, self.keys = (
            nn.ModuleList(ConvModule(channels, key_channels, 1, norm_cfg=norm_cfg) for _ in range(2)) for _ in range(2))
        self.values = nn.ModuleList(nn.Conv2d(channels, key_channels, 1) for _ in range(2))
        self.outs = nn.ModuleList(nn.Conv2d(key_channels, channels, 1) for _ in range(2))

    def forward(self, image_map: Tensor, language_map: Tensor) -> Tuple[Tensor, Tensor]:
        """Both maps (N, C, H, W) -> both, attended, (N, C, H, W)."""
        maps = (image_map, language_map)
        scores = sum(query(x).flatten(2).transpose(1, 2) @ self.pool(key(x))  # (N, HW, keys)
                     for query, key, x in zip(self.queries, self.keys, maps))
        attention = torch.softmax(scores * self.scale, dim=2)
        gathered = (self.pool(value(x)) @ attention.transpose(1, 2) for value, x in zip(self.values, maps))
        # (N, C, HW) -> (N, C, H, W)
        return tuple(out(x.unflatten(2, image_map.shape[2:])) for out, x in zip(self.outs, gathered))

    def pool(self, x: Tensor) -> Tensor:
        """The averages of the pyramid's cells: (N, C, H, W) -> (N, C, keys)."""
        return torch.cat([adaptive_average(x, (side, side)).flatten(2) for side in self.grids], dim=2)
