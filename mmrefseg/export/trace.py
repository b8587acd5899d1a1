"""A referring segmentor through ``torch.export``."""

import contextlib
from typing import Tuple

import torch
import torch.nn.functional as F
from torch import nn
from torch.export import Dim, ExportedProgram
from torch.overrides import TorchFunctionMode

from mmrefseg.exported.errors import ExportError
from mmrefseg.models import RefSegmentor

from .example_inputs import example_inputs
from .failing_part import failing_part
from .segmentor_graph import SegmentorGraph


def trace(model: RefSegmentor, input_size: Tuple[int, int]) -> ExportedProgram:
    """Trace a model with ``torch.export``; the numbers of images, expressions and words stay free.

    The model stays as it is, apart from being in evaluation mode afterwards.

    Args:
        model (RefSegmentor): With its weights, in single precision.
        input_size (Tuple[int, int]): (H, W) of the images, a constant of the program.

    Returns:
        ExportedProgram: Of a :class:`SegmentorGraph`.

    Raises:
        TypeError: ``model`` is no RefSegmentor.
        ExportError: torch is too old, the model is in half precision, or a part cannot be traced or fixes what has to
            stay free.
    """
    if not isinstance(model, RefSegmentor):
        raise TypeError(f'what can be exported is a RefSegmentor, found {type(model).__name__}')
    if not hasattr(torch.compiler, 'is_exporting'):
        raise ExportError(f'torch {torch.__version__} is too old to export with: expected 2.7 or newer')
    for name, parameter in model.named_parameters():
        if parameter.dtype != torch.float32:
            raise ExportError(f'model.{name} is {parameter.dtype}: export the model in single precision, and let the '
                              'program that runs it convert')
    graph = SegmentorGraph(model, input_size)
    inputs = example_inputs(model, input_size)
    with torch.no_grad():
        # Once as it is: errors of the model itself come as they are, and what is computed once for a size of maps
        # (the windows of Swin) is there, as tensors with content.
        graph(*inputs)
    try:
        return trace_graph(graph, inputs)
    except Exception as error:
        part, reason = failing_part(model, inputs, lambda partial: trace_graph(partial, inputs))
        raise ExportError(f'{part or "the model"} cannot go through torch.export: {reason or error}') from error


def trace_graph(graph: nn.Module, inputs: tuple) -> ExportedProgram:
    """Trace a :class:`SegmentorGraph`, or a :class:`PartialGraph` of it; only the size of the images is fixed."""
    texts = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
    shapes = ({0: Dim.DYNAMIC}, texts, texts, {0: Dim.DYNAMIC})
    if not isinstance(graph, SegmentorGraph):
        shapes = (shapes, )  # of a `forward` that takes them as *inputs, which are one argument
    with torch.no_grad(), _without_fast_path(), _PlainAttentionLayout():
        return torch.export.export(graph, inputs, dynamic_shapes=shapes)


@contextlib.contextmanager
def _without_fast_path():
    """nn.TransformerEncoderLayer without the one operator for all of it that only eager torch knows."""
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(enabled)


class _PlainAttentionLayout(TorchFunctionMode):
    """``scaled_dot_product_attention`` whose result lies in memory as that of its plain form.

    The fused kernel of a CPU lays it out so that heads and channels, side by side, are a view, which goes into the
    graph; ONNX' exporter computes attention in its plain form, whose result has no such view.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func is F.scaled_dot_product_attention:
            return result.clone(memory_format=torch.contiguous_format)
        return result
