"""Convolutions of three sizes, each of which sees what those before it made (DETRIS, AAAI 2025, §3.2)."""

from typing import Optional

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn


class DenseConvolutions(BaseModule):
    """The densely connected mixture of convolutions of DETRIS' adapters.

    ::

        b_1 = conv1(X)                      C/2
        b_2 = conv3(conv1([X; b_1]))        C/16, then C/4
        b_3 = conv5(conv1([X; b_1; b_2]))   C/16, then C/4

    and the result is [b_1; b_2; b_3], as wide as X. Every convolution has a bias, a batch norm (eps 1e-3) and a ReLU.
    Widths and eps are those of the released code.

    Args:
        channels (int): C, a multiple of 16.
        along_words (bool): Whether a row of words is convolved, (N, C, 1, L), with kernels of 1x3 and 1x5, and no map.
            Defaults to False.
        norm_cfg (dict, optional): Of the convolutions, without ``eps``. Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: ``channels`` is no multiple of 16.
    """

    with_cp = False  # marks a block: see `checkpoint_blocks`

    def __init__(self,
                 channels: int,
                 along_words: bool = False,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if channels % 16:
            raise ValueError(f'an adapter of {channels} channels: expected a multiple of 16')
        norm_cfg = dict(norm_cfg or dict(type='BN'), eps=1e-3)

        def conv(before: int, after: int, size: int) -> ConvModule:
            kernel = (1, size) if along_words else (size, size)
            padding = tuple(side // 2 for side in kernel)
            return ConvModule(before, after, kernel, padding=padding, bias=True, norm_cfg=norm_cfg)

        half, quarter, narrow = channels // 2, channels // 4, channels // 16
        self.branches = nn.ModuleList([
            nn.Sequential(conv(channels, half, 1)),
            nn.Sequential(conv(channels + half, narrow, 1), conv(narrow, quarter, 3)),
            nn.Sequential(conv(channels + half + quarter, narrow, 1), conv(narrow, quarter, 5))])

    def forward(self, maps: Tensor) -> Tensor:
        """X (N, C, H, W) -> (N, C, H, W)."""
        seen = [maps]
        for branch in self.branches:
            seen.append(branch(torch.cat(seen, dim=1)))
        return torch.cat(seen[1:], dim=1)
