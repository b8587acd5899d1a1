"""A traced program as an ONNX model."""

import contextlib
import logging
import re
import warnings
from typing import Iterator, Optional, Sequence

import torch
from torch.export import ExportedProgram

# What the free sizes of the inputs are called in the file: of images, then of ids.
SIZES = ('images', 'expressions', 'words')
NOISY = ('onnxscript', 'onnx_ir', 'torch.onnx._internal.exporter._registration')


def to_onnx(program: ExportedProgram, output_names: Optional[Sequence[str]] = None,
            opset: Optional[int] = None) -> torch.onnx.ONNXProgram:
    """Translate a program of :func:`trace` to ONNX.

    Args:
        program (ExportedProgram): The program.
        output_names (Sequence[str], optional): Of its outputs. Defaults to names of torch's.
        opset (int, optional): Version of the operators. Defaults to torch's choice, which runtimes of today read.

    Returns:
        torch.onnx.ONNXProgram: With ``save(path)``.

    Raises:
        torch.onnx.errors.OnnxExporterError: An operator has no counterpart.
    """
    from .onnx_packed_rnn import onnx_packed_rnn
    with _quiet():
        exported = torch.onnx.export(
            program, dynamo=True, verbose=False, opset_version=opset, output_names=output_names,
            external_data=False,
            custom_translation_table={torch.ops.mmrefseg.packed_rnn.default: onnx_packed_rnn})
    _name_sizes(exported, program)
    return exported


def _name_sizes(exported: torch.onnx.ONNXProgram, program: ExportedProgram) -> None:
    """Sizes called s34 and the like get the names of :data:`SIZES`."""
    from onnxscript import ir
    images, ids = (node.meta['val'] for node in program.graph.nodes
                   if node.op == 'placeholder' and node.name in program.graph_signature.user_inputs[:2])
    names = {str(size): name for size, name in zip((images.shape[0], *ids.shape), SIZES)}
    pattern = re.compile(rf'\b({"|".join(names)})\b')
    graph = exported.model.graph
    values = [*graph.inputs, *graph.outputs, *(value for node in graph for value in node.outputs)]
    for value in dict.fromkeys(values):
        if value.shape is not None:
            value.shape = ir.Shape([
                pattern.sub(lambda found: names[found[0]], size.value)
                if isinstance(size, ir.SymbolicDim) and size.value else size for size in value.shape])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the notes of the exporter on what it could not simplify, and of what is not installed."""
    levels = {name: logging.getLogger(name).level for name in NOISY}
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
