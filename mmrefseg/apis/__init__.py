"""Using a trained model from Python."""

from .ref_seg_inferencer import RefSegInferencer

__all__ = ['RefSegInferencer']
