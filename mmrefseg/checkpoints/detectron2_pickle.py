"""Reads detectron2's ``.pkl``: a plain pickle of numpy arrays, without letting the file run anything."""

import codecs
import os
import pickle
from collections import OrderedDict
from typing import Any, Union

import numpy as np

from mmrefseg.checkpoints.converters.converted import OfficialFormatError
from mmrefseg.checkpoints.pickle_budget import PICKLE_BUDGET, check_pickle

_RECONSTRUCT = np.empty(0).__reduce__()[0]


class _Array:
    """Stands for ``numpy.ndarray``, which a pickle names and never has to call."""


def _empty_array(kind: type, shape: tuple, code: Union[str, bytes]) -> np.ndarray:
    """An array that the pickle fills afterwards with bytes that it holds itself: so it is as large as the file says."""
    if kind is not _Array or tuple(shape) != (0, ):
        raise pickle.UnpicklingError('it makes an array in another way than numpy writes it')
    return _RECONSTRUCT(np.ndarray, (0, ), code)


def _plain_dtype(code: str, align: bool = False, copy: bool = False) -> np.dtype:
    """A type of numbers."""
    dtype = np.dtype(code) if isinstance(code, str) else np.dtype('O')
    if dtype.kind not in 'biuf':
        raise pickle.UnpicklingError(f'it holds an array of {dtype}, expected numbers')
    return dtype


def _from_bytes(content: Union[bytes, bytearray], dtype: np.dtype, shape: tuple, order: str) -> np.ndarray:
    """An array of the bytes that stand in the file, as pickles of protocol 5 have it."""
    return np.frombuffer(bytearray(content), dtype).reshape(shape, order=order)


def _latin1(text: str, encoding: str) -> bytes:
    """Bytes, as pickles of protocol 2 write them."""
    if encoding != 'latin1':
        raise pickle.UnpicklingError(f'it encodes text as {encoding!r:.20}')
    return codecs.encode(text, 'latin1')


ALLOWED = {('collections', 'OrderedDict'): OrderedDict, ('_codecs', 'encode'): _latin1}
for _module in ('numpy.core.multiarray', 'numpy._core.multiarray'):  # numpy 1 and 2
    ALLOWED[_module, '_reconstruct'] = _empty_array
for _module in ('numpy.core.numeric', 'numpy._core.numeric'):
    ALLOWED[_module, '_frombuffer'] = _from_bytes
for _name, _stand_in in (('ndarray', _Array), ('dtype', _plain_dtype)):
    ALLOWED['numpy', _name] = _stand_in


NAMES = ['.'.join(name) for name in ALLOWED]


class _Unpickler(pickle.Unpickler):
    """An unpickler of containers, strings, numbers and arrays of numbers.

    What is of Python 2 is read as detectron2 does, as Latin-1.
    """

    def __init__(self, file) -> None:
        super().__init__(file, encoding='latin1')

    def find_class(self, module: str, name: str) -> Any:
        """Look a global up, among the allowed ones alone."""
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f'it asks for the global "{module}.{name}", and a file that does could run '
                                         'code: do not trust it') from None


def read_detectron2_pickle(path: str) -> dict:
    """Read a checkpoint as detectron2's model zoo has it.

    Args:
        path (str): A ``.pkl``.

    Returns:
        dict: ``model`` with a numpy array a name, and what else stands in the file (``__author__``).

    Raises:
        OSError: It cannot be read.
        OfficialFormatError: It is no such file, is truncated, or holds something else than arrays of numbers.
    """
    with open(path, 'rb') as file:
        try:
            size = os.fstat(file.fileno()).st_size
            check_pickle(file, size, NAMES, PICKLE_BUDGET + 4 * size)  # its arrays stand in the pickle
            file.seek(0)
            content = _Unpickler(file).load()
        except Exception as error:  # a broken pickle can raise nearly anything
            raise OfficialFormatError(f"{path} is no checkpoint of detectron2 (a pickle of numpy arrays): {error}"
                                      ) from error
    model = content.get('model', content) if isinstance(content, dict) else None
    arrays = model.values() if isinstance(model, dict) else ()
    if not arrays or not all(isinstance(array, np.ndarray) and array.dtype.kind in 'biuf' for array in arrays):
        raise OfficialFormatError(f'{path} is no checkpoint of detectron2: expected a dict of numpy arrays, under '
                                  "'model' or alone")
    return content if model is not content else dict(model=model)
