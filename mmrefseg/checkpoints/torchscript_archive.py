"""The weights of a TorchScript archive, whose program is not run."""

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple, Union

import torch
from torch import Tensor

DTYPES = dict(HalfStorage=torch.float16, FloatStorage=torch.float32, DoubleStorage=torch.float64,
              BFloat16Storage=torch.bfloat16, LongStorage=torch.int64, IntStorage=torch.int32,
              ShortStorage=torch.int16, CharStorage=torch.int8, ByteStorage=torch.uint8, BoolStorage=torch.bool)


def is_torchscript_archive(path: Union[str, Path]) -> bool:
    """Whether a file is what ``torch.jit.save`` writes: a zip file with a program in it."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any('/code/' in name for name in archive.namelist())


def read_torchscript_weights(path: Union[str, Path]) -> Dict[str, Tensor]:
    """Read parameters and buffers of a scripted or traced module, such as OpenAI's CLIP checkpoints.

    ``torch.jit.load`` would build the program that the archive holds, and ``torch.load(weights_only=True)`` refuses it.
    Here only tensors are read; classes of the program are nothing but names of attributes.

    Args:
        path (str | Path): The archive.

    Returns:
        dict: Weights by their dotted names, on the CPU.

    Raises:
        ValueError: The archive asks for something that no module's weights need, or lacks a part.
    """
    with zipfile.ZipFile(path) as archive:
        try:
            pickled = next(name for name in archive.namelist() if name.endswith('/data.pkl'))
            with archive.open(pickled) as file:
                module = _ModuleUnpickler(file, archive, pickled.removesuffix('.pkl')).load()
        except (StopIteration, KeyError, pickle.UnpicklingError, EOFError, RuntimeError) as error:
            raise ValueError(f'{path} is no TorchScript archive whose weights can be read: {error}') from error
    return dict(_tensors(module, ''))


class _Module:
    """Stand-in for an instance of any class of the program."""

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)


def _rebuild_tensor(storage: Tensor, offset: int, size: Tuple[int, ...], stride: Tuple[int, ...], *_) -> Tensor:
    return storage.as_strided(size, stride, offset).clone()


class _ModuleUnpickler(pickle.Unpickler):
    """Knows tensors, their storages and instances of the program's own classes, and nothing else."""

    def __init__(self, file, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self._archive = archive
        self._folder = folder

    def find_class(self, module: str, name: str) -> Any:
        """A class of the program is :class:`_Module`, whatever it is called."""
        if module == '__torch__' or module.startswith('__torch__.'):
            return _Module
        if (module, name) == ('torch._utils', '_rebuild_tensor_v2'):
            return _rebuild_tensor
        if (module, name) == ('collections', 'OrderedDict'):
            return OrderedDict
        if module == 'torch' and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(f'it asks for "{module}.{name}", which no weight needs')

    def persistent_load(self, pid: Any) -> Tensor:
        """A storage, as a tensor of one dimension."""
        kind, dtype, key, _, count = pid
        if kind != 'storage':
            raise pickle.UnpicklingError(f'it holds a {kind!r}, which no weight needs')
        raw = self._archive.read(f'{self._folder}/{key}')
        if len(raw) != count * dtype.itemsize:
            raise pickle.UnpicklingError(f'{self._folder}/{key} has {len(raw)} bytes for {count} values of {dtype}')
        return torch.frombuffer(bytearray(raw), dtype=dtype) if count else torch.empty(0, dtype=dtype)


def _tensors(value: Any, name: str) -> Iterator[Tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, _Module):
        for key, child in vars(value).items():
            yield from _tensors(child, f'{name}.{key}' if name else key)
