"""LTS' segmentation module (LTS, CVPR 2021, §3.3), which ends before the classifier."""

from typing import Optional, Sequence

import torch
from mmcv.cnn import ConvModule, build_norm_layer
from mmengine.model import BaseModule
from mmseg.models.decode_heads.aspp_head import ASPPModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures

from .prior_concat import PriorConcat


@MODELS.register_module()
class LTSDecoder(BaseModule):
    """``Seg(concat(F_m3, H_mask))`` (Eq. 10): a single ASPP, then a deconvolution to stride 4.

    ::

        F_m3 (stride 8) ──┬─► 1x1, dilated 3x3 …, pooled image ─► concat ─► 3x3 ─► deconvolution ─► Y (stride 4)
        H_mask (logits) ──┘

    The paper names ASPP and the factor 2, no widths. ASPP is DeepLabV3's as mmseg has it; the deconvolution is 4x4
    with stride 2, batch norm and ReLU. 256 and 512 channels bring the whole with Swin-B to the multiply-adds that
    SADLR's Table 3 prints for LTS, and 512 is what SADLR takes as Y. H_mask enters as it is, before any sigmoid, and
    the gradient of the masks reaches it.

    As in mmseg, the batch norm of the pooled image sees one pixel an expression: training needs two expressions a
    step or more.

    Args:
        in_channels (int): C of F_m3.
        channels (int): Of each branch of ASPP and of what joins them. Defaults to 256.
        out_channels (int): C of Y. Defaults to 512.
        dilations (Sequence[int]): Of the branches; 1 is a 1x1 convolution. Defaults to (1, 6, 12, 18).
        with_prior (bool): Whether fusion has a locator, so that there is H_mask. Defaults to True.
        norm_cfg (dict): Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Attributes:
        out_channels (int): C of Y.

    Raises:
        ValueError: In ``forward``, ``with_prior`` is not what fusion does.
    """

    def __init__(self,
                 in_channels: int,
                 channels: int = 256,
                 out_channels: int = 512,
                 dilations: Sequence[int] = (1, 6, 12, 18),
                 with_prior: bool = True,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.out_channels = out_channels
        norm_cfg = norm_cfg or dict(type='BN')
        relu = dict(type='ReLU')
        self.concat = PriorConcat(in_channels, with_prior)
        self.reads = self.concat.reads
        joint = self.concat.out_channels
        self.pooled = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), ConvModule(joint, channels, 1, norm_cfg=norm_cfg, act_cfg=relu))
        self.branches = ASPPModule(
            dilations, joint, channels, conv_cfg=None, norm_cfg=norm_cfg, act_cfg=relu)
        self.bottleneck = ConvModule(
            (len(dilations) + 1) * channels, channels, 3, padding=1, norm_cfg=norm_cfg, act_cfg=relu)
        self.upsample = nn.Sequential(
            nn.ConvTranspose2d(channels, out_channels, 4, stride=2, padding=1, bias=False),
            build_norm_layer(norm_cfg, out_channels)[1], nn.ReLU(inplace=True))

    def forward(self, features: MultiModalFeatures) -> Tensor:
        """F_m3 (N, C_m, H, W) and H_mask (N, 1, H, W) -> Y (N, C, 2H, 2W)."""
        joint = self.concat(features)
        # (N, C, 1, 1) -> (N, C, H, W)
        pooled = self.pooled(joint).expand(-1, -1, *joint.shape[2:])
        return self.upsample(self.bottleneck(torch.cat([pooled, *self.branches(joint)], dim=1)))
