"""From the maps of a backbone to one map."""

from typing import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from .adaptive_average import adaptive_average


class MergeLevels(nn.Module):
    """Levels side by side at the size of one of them, then a 1x1 convolution with batch norm and ReLU.

    Finer levels are average-pooled, coarser ones upsampled (bilinear).

    Args:
        in_channels (Sequence[int]): C of each level.
        channels (int): C of the output.
        level (int): The level whose size the output has.
        norm_cfg (dict): Norm of the convolution.
    """

    def __init__(self, in_channels: Sequence[int], channels: int, level: int, norm_cfg: dict) -> None:
        super().__init__()
        self.level = level
        self.project = ConvModule(sum(in_channels), channels, 1, norm_cfg=norm_cfg)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """One (B, C_i, H_i, W_i) map a level -> (B, C, H, W), of the size of ``level``."""
        size = maps[self.level].shape[2:]
        finer, coarser = maps[:self.level], maps[self.level + 1:]
        return self.project(torch.cat([
            *(adaptive_average(level, size) for level in finer), maps[self.level],
            *(F.interpolate(level, size=size, mode='bilinear', align_corners=False) for level in coarser)
        ], dim=1))
