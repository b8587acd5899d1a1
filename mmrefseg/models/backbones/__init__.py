"""Backbones."""

from .conv_stem import ConvStem
from .lavt_swin import LAVTSwin
from .stem_swin import StemSwin

__all__ = ['ConvStem', 'LAVTSwin', 'StemSwin']
