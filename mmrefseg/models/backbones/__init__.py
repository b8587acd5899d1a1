"""Backbones that see the expression; any mmseg backbone works too."""

from .conv_stem import ConvStem
from .lavt_swin import LAVTSwin

__all__ = ['ConvStem', 'LAVTSwin']
