"""Write a model as one file that runs without its code: ONNX, or a program of torch.export."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Callable, List, Optional, Union

import torch

from mmrefseg.exported.description import KEY, FileDescription
from mmrefseg.exported.errors import ExportError
from mmrefseg.exported.onnx_session import OnnxSession
from mmrefseg.utils.whole_file import whole_file

from .example_inputs import example_inputs
from .failing_part import failing_part
from .input_size import input_size_of
from .parity import TOLERANCE, Difference, differences
from .segmentor_graph import SegmentorGraph
from .trace import trace, trace_graph

if TYPE_CHECKING:
    from mmrefseg.apis import RefSegInferencer


def export_onnx(inferencer: 'RefSegInferencer', path: Union[str, Path], opset: Optional[int] = None,
                tolerance: float = TOLERANCE) -> List[Difference]:
    """Write an ONNX model, which ``RefSegInferencer(path)`` runs.

    The file appears when it is complete and onnxruntime has run it.

    Args:
        inferencer (RefSegInferencer): With the model, on a CPU, and its config.
        path (str | Path): ``….onnx``; its folder is made.
        opset (int, optional): Version of ONNX' operators. Defaults to torch's choice.
        tolerance (float): How far the outputs may be from eager torch, see :class:`Difference`. Defaults to 1e-4.

    Returns:
        list[Difference]: From eager torch, a number for each of :data:`parity.CASES`.

    Raises:
        ExportError: The model cannot be exported, with the part or config key and why, or the outputs are too far off.
        ModuleNotFoundError: onnx, onnxscript or onnxruntime is not installed.

    Example:
        >>> from mmrefseg.apis import RefSegInferencer
        >>> from mmrefseg.export import export_onnx
        >>> inferencer = RefSegInferencer('sadlr_lavt_nano_refshapes', device='cpu', show_progress=False)
        >>> max(found.largest for found in export_onnx(inferencer, 'model.onnx')) < 1e-3
        True
    """
    _require('onnx', 'onnxscript', 'onnxruntime')
    from .onnx_model import to_onnx
    graph = _graph(inferencer)
    description = FileDescription.of(graph.model, inferencer.cfg, graph.input_size, graph.output_names)
    program = trace(graph.model, graph.input_size)
    try:
        exported = to_onnx(program, graph.output_names, opset)
    except Exception as error:
        inputs = example_inputs(graph.model, graph.input_size)
        part, reason = failing_part(
            graph.model, inputs, lambda partial: to_onnx(trace_graph(partial, inputs), opset=opset))
        raise ExportError(f'{part or "the model"} has no counterpart in ONNX: {_root(reason or error)}') from error
    exported.model.metadata_props[KEY] = description.to_json()
    return _write(path, '.onnx', exported.save, lambda file: OnnxSession(file, 'cpu'), graph, tolerance)


def export_program(inferencer: 'RefSegInferencer', path: Union[str, Path],
                   tolerance: float = TOLERANCE) -> List[Difference]:
    """Write a program of ``torch.export``, which ``torch.export.load(path).module()`` runs; arguments and errors as
    :func:`export_onnx`.

    A recurrent text encoder is an operator of ours in it: ``import mmrefseg.models`` before you load the file.
    """
    graph = _graph(inferencer)
    description = FileDescription.of(graph.model, inferencer.cfg, graph.input_size, graph.output_names)
    program = trace(graph.model, graph.input_size)

    def save(file: Path) -> None:
        torch.export.save(program, file, extra_files={f'{KEY}.json': description.to_json()})

    return _write(path, '.pt2', save, lambda file: torch.export.load(file).module(), graph, tolerance)


def _graph(inferencer: 'RefSegInferencer') -> SegmentorGraph:
    return SegmentorGraph(inferencer.model, input_size_of(inferencer))


def _write(path: Union[str, Path], suffix: str, save: Callable[[Path], object], load: Callable[[Path], Callable],
           graph: SegmentorGraph, tolerance: float) -> List[Difference]:
    """Save to a file beside ``path``, load that and compare it, then give it its name."""
    path = Path(path)
    if path.suffix != suffix:
        raise ExportError(f'{path}: expected a file name that ends with {suffix}')
    with whole_file(path, suffix=suffix) as part:
        save(Path(part))
        found = differences(graph, load(Path(part)))
        largest = max(found, key=lambda difference: difference.largest / difference.scale)
        if not largest.within(tolerance):
            raise ExportError(
                f'{path} is not written: its outputs are {largest.largest:.2g} from those of eager torch, of which '
                f'the largest is {largest.scale:.2g}; expected at most {tolerance} of that')
    return found


def _require(*packages: str) -> None:
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise ModuleNotFoundError(f'ONNX export needs {", ".join(missing)}: pip install "mmrefseg[export]", or '
                                  'pip install -r requirements/export.txt')


def _root(error: BaseException) -> BaseException:
    """Find the error at the root; torch's exporter wraps it in a report of pages."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
