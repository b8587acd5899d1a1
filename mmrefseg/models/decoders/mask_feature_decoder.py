"""The last step of a pixel decoder with deformable attention: to the finest level."""

from typing import Optional, Sequence

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads


@MODELS.register_module()
class MaskFeatureDecoder(BaseModule):
    """``Y = W(conv3x3(F_1 + up(F_2)))``: one step of a feature pyramid, then 1x1 convolutions.

    The levels below F_2 are in it already where attention has run over all levels (:class:`DeformableNeck`,
    :class:`CARISFusion`). The 3x3 convolution has a group norm and ReLU; ``up`` is bilinear; W is one 1x1 convolution
    in Mask2Former and ReLA, three with ReLU between them in CARIS.

    Args:
        in_channels (Sequence[int]): C of each level, finest first, all alike; the two finest are read.
        channels (int, optional): C of Y. Defaults to that of the levels.
        num_convs (int): 1x1 convolutions. Defaults to 1.
        norm_cfg (dict, optional): Defaults to ``dict(type='GN', num_groups=32)``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Attributes:
        out_channels (int): C of Y.

    Raises:
        ValueError: The levels are not alike, or fewer than two.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 channels: Optional[int] = None,
                 num_convs: int = 1,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if len(in_channels) < 2 or len(set(in_channels)) != 1:
            raise ValueError(f'decoder.in_channels is {tuple(in_channels)}, expected two levels or more of one width, '
                             'as DeformableNeck and CARISFusion give')
        width = in_channels[0]
        self.reads = Reads(maps=tuple(in_channels))
        self.out_channels = channels or width
        self.merge = ConvModule(
            width, width, 3, padding=1, bias=False, norm_cfg=norm_cfg or dict(type='GN', num_groups=32))
        layers = []
        for number in range(num_convs):
            last = number == num_convs - 1
            layers += [nn.Conv2d(width, self.out_channels if last else width, 1), nn.ReLU(inplace=True)]
        self.project = nn.Sequential(*layers[:-1])

    def forward(self, features: MultiModalFeatures) -> Tensor:
        """Maps (N, C', H_i, W_i) -> Y (N, C, H_1, W_1)."""
        finest, coarser = features.maps[:2]
        merged = finest + F.interpolate(coarser, size=finest.shape[2:], mode='bilinear', align_corners=False)
        return self.project(self.merge(merged))
