"""CRIS' neck: the sentence enters the coarsest level and flows to the finer ones (CRIS, CVPR 2022, §3.2)."""

from typing import Optional, Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule, build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor

from mmrefseg.registry import MODELS
from mmrefseg.structures import Gives, MultiModalFeatures, Reads, TextFeatures

from ..utils import LinearNormReLU, adaptive_average, expand_to_expressions
from .coordinate_conv import CoordinateConv


@MODELS.register_module()
class CRISFusion(BaseModule):
    """Three levels and the sentence become one map at the stride of the middle level.

    With ``conv`` 1x1 and ``conv3`` 3x3, both with batch norm and ReLU, s the sentence::

        F_5 = relu(BN(conv(V_5) * relu(BN(W s))))
        F_4 = conv([conv3(V_4); up(F_5)])
        F_3 = conv([pool(conv3(V_3)); F_4])
        F   = coordinates(conv([conv3(F_3); conv3(F_4); up(conv3(F_5))]))

    Eq. 1 to 5 of the paper, with the released code's convolutions where the paper has none. What is of the image alone
    is computed once an image, and what is upsampled is convolved first where that changes nothing.

    Args:
        in_channels (Sequence[int]): C_3, C_4, C_5 of the levels, finest first: strides 8, 16, 32.
        text_channels (int): C of the sentence (``text_encoder.sentence_channels``).
        channels (Sequence[int]): Widths of conv3(V_3), of conv3(V_4) and F, and of F_5. Defaults to (256, 512, 1024).
        norm_cfg (dict, optional): Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: ``in_channels`` or ``channels`` are not three.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 text_channels: int,
                 channels: Sequence[int] = (256, 512, 1024),
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        for key, values in (('in_channels', in_channels), ('channels', channels)):
            if len(values) != 3:
                raise ValueError(f'fusion.{key} of CRISFusion is {tuple(values)}, expected three, of the strides 8, 16 '
                                 'and 32')
        norm_cfg = norm_cfg or dict(type='BN')
        fine, middle, coarse = channels
        self.reads = Reads(sentence=text_channels, maps=tuple(in_channels))
        self.gives = Gives(maps=(middle, ))

        def conv(before: int, after: int, size: int = 1) -> ConvModule:
            return ConvModule(before, after, size, padding=size // 2, norm_cfg=norm_cfg)

        self.sentence = LinearNormReLU(text_channels, coarse, norm_cfg)
        self.coarse = conv(in_channels[2], coarse)
        self.product_norm = build_norm_layer(norm_cfg, coarse)[1]
        self.middle = conv(in_channels[1], middle, 3)
        self.join_middle = conv(middle + coarse, middle)
        self.fine = conv(in_channels[0], fine, 3)
        self.join_fine = conv(fine + middle, middle)
        self.out_coarse = conv(coarse, middle, 3)
        self.out_middle = conv(middle, middle, 3)
        self.out_fine = conv(middle, middle, 3)
        self.aggregate = conv(3 * middle, middle)
        self.coordinates = CoordinateConv(middle, norm_cfg)

    def forward(self,
                maps: Sequence[Tensor],
                text: TextFeatures,
                image_index: Optional[Tensor] = None) -> MultiModalFeatures:
        """Fuse.

        Args:
            maps (Sequence[Tensor]): V_3, V_4, V_5: (B, C_i, H_i, W_i).
            text (TextFeatures): The N expressions; the sentence is read.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            MultiModalFeatures: ``maps`` are one, F (N, C, H_4, W_4).
        """
        fine, middle, coarse = maps
        size = middle.shape[2:]
        sentence = self.sentence(text.sentence[:, None]).transpose(1, 2)[..., None]  # (N, C_t) -> (N, C, 1, 1)
        coarse = expand_to_expressions(self.coarse(coarse), image_index)
        coarse = self.product_norm(coarse * sentence).relu()  # F_5
        middle = self.middle(middle)
        weight_middle, weight_coarse = self.join_middle.conv.weight.split([middle.shape[1], coarse.shape[1]], dim=1)
        from_image = expand_to_expressions(F.conv2d(middle, weight_middle), image_index)
        middle = _norm_relu(self.join_middle, from_image + _resize(F.conv2d(coarse, weight_coarse), size))  # F_4
        fine = adaptive_average(self.fine(fine), size)  # halves it
        weight_fine, weight_middle = self.join_fine.conv.weight.split([fine.shape[1], middle.shape[1]], dim=1)
        from_image = expand_to_expressions(F.conv2d(fine, weight_fine), image_index)
        fine = _norm_relu(self.join_fine, from_image + F.conv2d(middle, weight_middle))  # F_3
        levels = [self.out_fine(fine), self.out_middle(middle), _resize(self.out_coarse(coarse), size)]
        return MultiModalFeatures((self.coordinates(self.aggregate(torch.cat(levels, dim=1))), ), text)


def _norm_relu(module: ConvModule, convolved: Tensor) -> Tensor:
    """Norm and ReLU behind the convolution of ``module``."""
    return module.activate(module.norm(convolved))


def _resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(maps, size=tuple(size), mode='bilinear', align_corners=False)

