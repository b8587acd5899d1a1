"""An ONNX file of ours in onnxruntime."""

from pathlib import Path
from typing import Optional, Tuple, Union

import torch
from torch import Tensor

from .description import KEY, FileDescription

PROVIDERS = dict(cpu='CPUExecutionProvider', cuda='CUDAExecutionProvider')


class OnnxSession:
    """Runs what :func:`export_onnx` wrote: tensors in, tensors out.

    Args:
        path (str | Path): The file.
        device (str, optional): 'cpu', 'cuda' or 'cuda:<n>'. Defaults to the best that onnxruntime has.

    Attributes:
        path (str | Path): Of the file.
        description (FileDescription): Of the file.
        device (str): Where it runs; tensors come from and go to the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: onnxruntime cannot read it, it was not written by mmrefseg, or onnxruntime cannot use the device.
        ModuleNotFoundError: onnxruntime is not installed.
    """

    def __init__(self, path: Union[str, Path], device: Optional[str] = None) -> None:
        onnxruntime = _import_onnxruntime()
        if not Path(path).is_file():
            raise FileNotFoundError(f'there is no file {path}')
        self.path = path
        available = onnxruntime.get_available_providers()
        self.device = device or ('cuda' if PROVIDERS['cuda'] in available else 'cpu')
        kind, _, number = str(self.device).partition(':')
        provider = PROVIDERS.get(kind)
        if provider not in available:
            raise ValueError(f"device {device!r}: onnxruntime {onnxruntime.__version__} runs on {available}; expected "
                             "'cpu', or 'cuda' with `pip install onnxruntime-gpu` in the place of onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=[(provider, dict(device_id=number) if number else {})])
        except Exception as error:  # onnxruntime's own classes have no common base below Exception
            raise ValueError(f'onnxruntime cannot read {path}: {error}') from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        if KEY not in metadata:
            raise ValueError(f'{path} does not describe itself (its metadata has no {KEY!r}): expected a file written '
                             'by mmrefseg tool export')
        self.description = FileDescription.from_json(metadata[KEY], str(path))
        self._input_names = [value.name for value in self._session.get_inputs()]

    def __call__(self, *inputs: Tensor) -> Tuple[Tensor, ...]:
        """Inputs and outputs as :class:`SegmentorGraph`'s, on the CPU."""
        values = {name: tensor.cpu().numpy() for name, tensor in zip(self._input_names, inputs)}
        return tuple(torch.from_numpy(output) for output in self._session.run(None, values))


def _import_onnxruntime():
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError('an ONNX model needs onnxruntime: pip install "mmrefseg[export]", or pip install '
                                  'onnxruntime==1.31.1') from error
    return onnxruntime
