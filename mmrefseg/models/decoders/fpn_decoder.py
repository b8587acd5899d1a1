"""A feature pyramid as a decoder (Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017)."""

from typing import Optional, Sequence

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads


@MODELS.register_module()
class FPNDecoder(BaseModule):
    """From the coarsest level to the finest: 1x1 on each, upsample and add, 3x3 on the sum (S2RM, Tables IV and VII).

    ``P_n = lateral(F_n)``; ``P_i = lateral(F_i) + up(P_{i+1})``; Y is a 3x3 convolution of the finest P.

    The paper says "FPN structure" and no more. Of the pyramid only the finest level is needed for a mask, so the
    others get no 3x3 convolution. Upsampling is nearest, laterals are linear, as FPN's. The 3x3 convolution has
    batch norm and ReLU, which FPN leaves to its heads: without any, the mask would be linear in words and image.

    Args:
        in_channels (Sequence[int]): C of each level, finest first.
        channels (int): C of the pyramid and of Y. Defaults to 256, as FPN's.
        norm_cfg (dict): Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Attributes:
        out_channels (int): C of Y.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 channels: int = 256,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.in_channels = tuple(in_channels)
        self.reads = Reads(maps=self.in_channels)
        self.out_channels = channels
        self.laterals = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in in_channels)
        self.smooth = ConvModule(channels, channels, 3, padding=1, norm_cfg=norm_cfg or dict(type='BN'))

    def forward(self, features: MultiModalFeatures) -> Tensor:
        """Maps (N, C_i, H_i, W_i) -> Y (N, C, H_1, W_1)."""
        *finer, merged = [lateral(level) for lateral, level in zip(self.laterals, features.maps)]
        for level in reversed(finer):
            merged = level + F.interpolate(merged, size=level.shape[2:], mode='nearest')
        return self.smooth(merged)
