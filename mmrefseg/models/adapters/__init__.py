"""Small trained modules beside the layers of a frozen tower."""

from .dense_aligner import DenseAligner
from .dense_convolutions import DenseConvolutions
from .text_adapter import TextAdapter

__all__ = ['DenseAligner', 'DenseConvolutions', 'TextAdapter']
