"""A feature pyramid of a plain transformer's maps."""

from typing import Optional, Sequence, Tuple

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmseg.models.necks import Feature2Pyramid
from torch import Tensor, nn


class PlainPyramid(BaseModule):
    """Four maps of one stride become four levels: x4, x2, x1 and x1/2, each with a width of its own.

    mmseg's ``Feature2Pyramid`` (transposed convolutions, max pooling), then a 1x1 convolution with a norm: the simple
    feature pyramid of ViTDet (Li et al., "Exploring Plain Vision Transformer Backbones for Object Detection", ECCV
    2022), with a layer of the transformer for each level instead of the last one for all, and without its 3x3
    convolutions, as decoders have their own.

    Args:
        in_channels (int): C of the maps.
        out_channels (Sequence[int]): C_1 … C_4 of the levels, finest first.
        norm_cfg (dict, optional): Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 in_channels: int,
                 out_channels: Sequence[int],
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        norm_cfg = norm_cfg or dict(type='BN')
        self.rescale = Feature2Pyramid(in_channels, norm_cfg=norm_cfg)
        self.project = nn.ModuleList(
            ConvModule(in_channels, width, 1, norm_cfg=norm_cfg, act_cfg=None) for width in out_channels)

    def forward(self, maps: Sequence[Tensor]) -> Tuple[Tensor, ...]:
        """Four maps (B, C, H, W) -> levels (B, C_i, 4H, 4W), …, (B, C_4, H/2, W/2)."""
        return tuple(project(level) for project, level in zip(self.project, self.rescale(maps)))
