"""Backbones."""

from .auto_backbone import AutoBackbone
from .conv_stem import ConvStem
from .lavt_swin import LAVTSwin
from .stem_swin import StemSwin

__all__ = ['AutoBackbone', 'ConvStem', 'LAVTSwin', 'StemSwin']
