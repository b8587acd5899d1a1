"""The model that runs the parts."""

from .ref_segmentor import RefSegmentor

__all__ = ['RefSegmentor']
