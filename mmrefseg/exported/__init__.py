"""Running exported files: an ONNX session, and the segmentor that stands on it."""

from .allowed_types import ALLOWED_TYPES
from .errors import ExportError
from .exported_segmentor import ExportedSegmentor
from .onnx_session import OnnxSession

__all__ = ['ALLOWED_TYPES', 'ExportError', 'ExportedSegmentor', 'OnnxSession']
