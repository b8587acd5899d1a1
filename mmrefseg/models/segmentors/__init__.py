"""The model that runs the parts."""

from .compile_parts import compile_parts
from .ref_segmentor import RefSegmentor

__all__ = ['RefSegmentor', 'compile_parts']
