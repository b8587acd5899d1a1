"""LAVT's decoder (LAVT, CVPR 2022, §3.3), which ends before the classifier."""

from itertools import chain
from typing import Optional, Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads

from ..utils import upsampled_conv


@MODELS.register_module()
class LAVTDecoder(BaseModule):
    """From the coarsest level to the finest: upsample, concatenate, two 3x3 convolutions.

    ``Y_4 = F_4``; ``Y_i = rho_i([up(Y_{i+1}); F_i])`` for i = 3, 2, 1, where rho is twice (3x3
    convolution, batch norm, ReLU) and up is bilinear with aligned corners. Y = Y_1 at stride 4. The convolutions start
    as torch's own do (uniform, He et al. with a = sqrt 5), as released.

    Args:
        in_channels (Sequence[int]): C of each level, finest first.
        channels (int): C of Y (4 C_1 = 512 for Swin-B in the released code).
        norm_cfg (dict): Defaults to ``dict(type='BN')``.
        align_corners (bool): Of the upsampling. Defaults to True, as released.
        he_init (bool): Start from He's normal distribution as mmcv's ``ConvModule`` does, with weights 2.5 to 4.2 times
            as large for Swin-B: for training from nothing. Defaults to False.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Attributes:
        out_channels (int): C of Y.

    Raises:
        ValueError: ``in_channels`` names one level.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 channels: int,
                 norm_cfg: Optional[dict] = None,
                 align_corners: bool = True,
                 he_init: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if len(in_channels) < 2:
            raise ValueError(f'decoder.in_channels of LAVTDecoder is {tuple(in_channels)}, expected two levels or '
                             'more, which it joins')
        self.in_channels = tuple(in_channels)
        self.reads = Reads(maps=self.in_channels)
        self.out_channels = channels
        self.align_corners = align_corners
        norm_cfg = norm_cfg or dict(type='BN')
        # What comes from above: F_4 into the coarsest stage, Y_{i+1} into the others.
        from_above = [channels] * (len(in_channels) - 2) + [in_channels[-1]]
        self.stages = nn.ModuleList(
            nn.Sequential(
                ConvModule(above + here, channels, 3, padding=1, norm_cfg=norm_cfg),
                ConvModule(channels, channels, 3, padding=1, norm_cfg=norm_cfg))
            for here, above in zip(in_channels[:-1], from_above))
        if not he_init:
            for layer in chain.from_iterable(self.stages):
                layer.conv.reset_parameters()
        # As the maps are that upsampled_conv gives.
        self.stages.to(memory_format=torch.channels_last)

    def forward(self, features: MultiModalFeatures) -> Tensor:
        """Maps (N, C_i, H_i, W_i) -> Y (N, C, H_1, W_1)."""
        decoded = features.maps[-1]
        for (first, second), skip in zip(reversed(self.stages), reversed(features.maps[:-1])):
            decoded = second(first.activate(first.norm(self._first_conv(first.conv, decoded, skip))))
        return decoded

    def _first_conv(self, conv: nn.Conv2d, above: Tensor, skip: Tensor) -> Tensor:
        """``conv([up(above); skip])``: (N, C, h, w) and (N, C', H, W) -> (N, C'', H, W).

        The sum of the convolutions of both: that of ``above`` costs less before it is upsampled.
        """
        weights = conv.weight.split([above.shape[1], skip.shape[1]], dim=1)
        from_above = upsampled_conv(above, weights[0], skip.shape[2:], self.align_corners)
        return from_above + F.conv2d(skip, weights[1], padding=1)
