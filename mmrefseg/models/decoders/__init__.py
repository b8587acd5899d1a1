"""Decoders: from the fused maps to one map Y, without a classifier."""

from .casg_decoder import CASGDecoder
from .cris_decoder import CRISDecoder
from .fpn_decoder import FPNDecoder
from .lavt_decoder import LAVTDecoder
from .lts_decoder import LTSDecoder
from .m3_mask_decoder import M3MaskDecoder
from .mask_feature_decoder import MaskFeatureDecoder
from .prior_concat import PriorConcat
from .vlt_decoder import VLTDecoder
from .vlt_word_decoder import VLTWordDecoder

__all__ = [
    'CASGDecoder', 'CRISDecoder', 'FPNDecoder', 'LAVTDecoder', 'LTSDecoder', 'M3MaskDecoder', 'MaskFeatureDecoder',
    'PriorConcat', 'VLTDecoder', 'VLTWordDecoder'
]
