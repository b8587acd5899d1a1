"""Backbones that see the expression; any mmseg backbone works too."""

from .lavt_swin import LAVTSwin

__all__ = ['LAVTSwin']
