"""Trained models as files that run without their code: ONNX, and programs of ``torch.export``."""

from .allowed_types import ALLOWED_TYPES
from .errors import ExportError
from .export_model import export_onnx, export_program
from .exported_segmentor import ExportedSegmentor
from .onnx_session import OnnxSession
from .segmentor_graph import SegmentorGraph
from .trace import trace

__all__ = [
    'ALLOWED_TYPES', 'ExportError', 'ExportedSegmentor', 'OnnxSession', 'SegmentorGraph', 'export_onnx',
    'export_program', 'trace'
]
