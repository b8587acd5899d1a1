"""Heads: from Y to masks and losses."""

from .base_ref_head import BaseRefHead
from .mask_head import MaskHead

__all__ = ['BaseRefHead', 'MaskHead']
