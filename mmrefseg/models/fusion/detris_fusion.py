"""DETRIS' neck: the sentence gates each of the tower's maps (DETRIS, AAAI 2025, §3.3)."""

from typing import Optional, Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import Gives, MultiModalFeatures, Reads, TextFeatures

from ..utils import adaptive_average, expand_to_expressions
from .coordinate_conv import CoordinateConv


@MODELS.register_module()
class DETRISFusion(BaseModule):
    """Maps of one stride and the sentence become one map.

    With ``conv`` a 1x1 convolution with batch norm and ReLU, s the sentence::

        G_i = conv(V_i) * attention_i(conv(V_i), W s)
        F   = A + coordinates(A),    A = conv([G_1; …; G_n])

    The sentence is the only token that the pixels attend to, so that every pixel has weight 1: the attention is a
    linear function of the sentence, W_o (W_v W s + b_v) + b_o, and is computed as that. Its queries and keys, which
    nothing depends on, are left out.

    The maps of a plain transformer are all of one size; others are brought to the size of the middle one first.

    Args:
        in_channels (Sequence[int]): C_i of each map.
        text_channels (int): C of the sentence.
        channels (int): C of F. Defaults to 512.
        norm_cfg (dict, optional): Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 text_channels: int,
                 channels: int = 512,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        norm_cfg = norm_cfg or dict(type='BN')
        self.reads = Reads(sentence=text_channels, maps=tuple(in_channels))
        self.gives = Gives(maps=(channels, ))
        self.sentence = nn.Linear(text_channels, channels)  # W
        self.reduce = nn.ModuleList(ConvModule(width, channels, 1, norm_cfg=norm_cfg) for width in in_channels)
        self.values = nn.ModuleList(nn.Linear(channels, channels) for _ in in_channels)  # W_v
        self.gates = nn.ModuleList(nn.Linear(channels, channels) for _ in in_channels)  # W_o
        self.aggregate = ConvModule(len(in_channels) * channels, channels, 1, norm_cfg=norm_cfg)
        self.coordinates = CoordinateConv(channels, norm_cfg)

    def forward(self,
                maps: Sequence[Tensor],
                text: TextFeatures,
                image_index: Optional[Tensor] = None) -> MultiModalFeatures:
        """Fuse.

        Args:
            maps (Sequence[Tensor]): (B, C_i, H_i, W_i) each.
            text (TextFeatures): The N expressions; the sentence is read.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            MultiModalFeatures: ``maps`` are one, F (N, C, H, W) of the middle one's size.
        """
        size = maps[len(maps) // 2].shape[2:]
        sentence = self.sentence(text.sentence)
        gated = []
        for reduce, value, gate, level in zip(self.reduce, self.values, self.gates, maps):
            reduced = expand_to_expressions(_to_size(reduce(level), size), image_index)
            gated.append(reduced * gate(value(sentence))[..., None, None])
        joint = self.aggregate(torch.cat(gated, dim=1))  # A
        return MultiModalFeatures((joint + self.coordinates(joint), ), text)


def _to_size(maps: Tensor, size: Sequence[int]) -> Tensor:
    """(B, C, H', W') -> (B, C, H, W): averaged where it shrinks, bilinear where it grows."""
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    if maps.shape[2] > size[0]:
        return adaptive_average(maps, tuple(size))
    return F.interpolate(maps, tuple(size), mode='bilinear', align_corners=False)
