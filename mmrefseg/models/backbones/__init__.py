"""Backbones."""

from .aligned_dinov2 import AlignedDINOv2
from .auto_backbone import AutoBackbone
from .clip_resnet import CLIPResNet
from .conv_stem import ConvStem
from .lavt_swin import LAVTSwin
from .spatial_attention_pool import SpatialAttentionPool
from .stem_swin import StemSwin

__all__ = ['AlignedDINOv2', 'AutoBackbone', 'CLIPResNet', 'ConvStem', 'LAVTSwin', 'SpatialAttentionPool', 'StemSwin']
