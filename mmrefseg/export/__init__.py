"""Trained models written as files that run without their code: ONNX, and programs of ``torch.export``.

What runs such a file is :mod:`mmrefseg.exported`.
"""

from mmrefseg.exported import ALLOWED_TYPES, ExportError

from .export_model import export_onnx, export_program
from .segmentor_graph import SegmentorGraph
from .trace import trace

__all__ = ['ALLOWED_TYPES', 'ExportError', 'SegmentorGraph', 'export_onnx', 'export_program', 'trace']
