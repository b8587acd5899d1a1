"""Decoders: from the fused maps to one map Y, without a classifier."""

from .lavt_decoder import LAVTDecoder

__all__ = ['LAVTDecoder']
