"""Heads: from Y to masks and losses."""

from .base_ref_head import BaseRefHead
from .cga_head import CGAHead
from .dynamic_classifier_head import DynamicClassifierHead
from .dynamic_kernel_head import DynamicKernelHead
from .existence_head import ExistenceHead
from .level_head import LevelHead
from .lfr_head import LFRHead
from .locate_head import LocateHead
from .lts_mask_head import LTSMaskHead
from .mask_head import MaskHead
from .rela_head import ReLAHead
from .sadlr_head import SADLRHead
from .shape_attributes_head import ShapeAttributesHead

__all__ = [
    'BaseRefHead', 'CGAHead', 'DynamicClassifierHead', 'DynamicKernelHead', 'ExistenceHead', 'LFRHead', 'LTSMaskHead',
    'LevelHead', 'LocateHead', 'MaskHead', 'ReLAHead', 'SADLRHead', 'ShapeAttributesHead'
]
