"""A convolution that is told where it is (Liu et al., "An Intriguing Failing of Convolutional Neural Networks and the
CoordConv Solution", NeurIPS 2018)."""

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn


class CoordinateConv(BaseModule):
    """Two 3x3 convolutions with norm and ReLU; the first also reads the x and the y of each cell, from -1 to 1.

    As CRIS and DETRIS end their necks.

    Args:
        channels (int): C, in and out.
        norm_cfg (dict): Of the convolutions.
    """

    def __init__(self, channels: int, norm_cfg: dict) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            ConvModule(channels + 2, channels, 3, padding=1, norm_cfg=norm_cfg),
            ConvModule(channels, channels, 3, padding=1, norm_cfg=norm_cfg))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        rows, columns = (torch.linspace(-1, 1, side, dtype=maps.dtype, device=maps.device) for side in maps.shape[2:])
        shape = (maps.shape[0], 1, *maps.shape[2:])
        return self.convs(torch.cat([maps, columns.expand(shape), rows[:, None].expand(shape)], dim=1))
