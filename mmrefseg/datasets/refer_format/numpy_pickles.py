"""numpy's numbers and arrays in a pickle, read as plain Python: no object of numpy is made by the file.

pandas and numpy leave them in refs: ``np.int64(3)`` as a ref's id, an array as its list of ids. Their pickles name a
few functions of numpy; these stand in their places and make numbers and lists of what they are given, or refuse it.
"""

import math
import re
from typing import Any, Sequence, Tuple

import numpy as np

from mmrefseg.errors import RefDataError

_KINDS = re.compile(r'([<>|=])?([biuf][1248]|U\d{1,6}|S\d{1,6})')


class PlainDtype:
    """A type of numbers or text, in the place of ``numpy.dtype``."""

    def __init__(self, name: str = '', align: bool = False, copy: bool = False) -> None:
        found = _KINDS.fullmatch(name) if isinstance(name, str) else None
        if found is None:
            raise RefDataError(f'it holds numpy values of type {str(name)[:40]!r}, expected plain numbers or text')
        self.order, self.name = found.group(1) or '=', found.group(2)

    def __setstate__(self, state: Sequence) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ('<', '>', '|', '='):
            raise RefDataError('it holds a numpy type that is not of plain numbers')
        self.order = order

    def read(self, data: bytes, shape: Tuple[int, ...]) -> np.ndarray:
        """np.ndarray: What the bytes say, of this type."""
        order = '' if self.order == '|' else self.order
        dtype = np.dtype(f'{order}{self.name}')
        if not isinstance(data, bytes) or len(data) != dtype.itemsize * math.prod(shape):
            raise RefDataError('it holds a numpy value of another size than its type says')
        return np.frombuffer(data, dtype).reshape(shape)


class ListOfArray(list):
    """A list, in the place of a ``numpy.ndarray``, that takes its numbers from the state that numpy pickles."""

    def __setstate__(self, state: Sequence) -> None:
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, PlainDtype):
            raise RefDataError('it holds a numpy array of something else than plain numbers')
        shape = _shape(shape)
        array = dtype.read(data, shape[::-1]).T if fortran else dtype.read(data, shape)
        self[:] = array.tolist() if array.ndim else [array.item()]


def _shape(shape: Any) -> Tuple[int, ...]:
    if not isinstance(shape, tuple) or not all(isinstance(side, int) and side >= 0 for side in shape):
        raise RefDataError('it holds a numpy array of no shape')
    return shape


def plain_scalar(dtype: PlainDtype, data: bytes = b'') -> Any:
    """A number or text; in the place of ``numpy.core.multiarray.scalar``."""
    if not isinstance(dtype, PlainDtype):
        raise RefDataError('it holds a numpy value of something else than plain numbers')
    return dtype.read(data, ()).item()


def empty_list(*ignored: Any) -> ListOfArray:
    """A list that gets its numbers next; in the place of ``numpy.core.multiarray._reconstruct``."""
    return ListOfArray()


def list_of_buffer(data: Any, dtype: PlainDtype, shape: tuple, order: str = 'C') -> list:
    """The numbers of an array; in the place of ``numpy.core.numeric._frombuffer``."""
    if not isinstance(dtype, PlainDtype):
        raise RefDataError('it holds a numpy array of something else than plain numbers')
    shape = _shape(shape)
    array = dtype.read(bytes(data), shape[::-1]).T if order == 'F' else dtype.read(bytes(data), shape)
    return array.tolist()


def latin1_bytes(text: str, encoding: str = '') -> bytes:
    """Bytes; in the place of ``_codecs.encode``, by which Python 3 writes bytes into old protocols."""
    if not isinstance(text, str) or encoding != 'latin1':
        raise RefDataError(f'it asks for the encoding {str(encoding)[:40]!r}, expected latin1, that of bytes')
    return text.encode('latin-1')


#: What stands in the places of numpy's functions, by their modules (of numpy 1 and 2) and names.
NUMPY_GLOBALS = {
    ('_codecs', 'encode'): latin1_bytes,
    ('numpy', 'dtype'): PlainDtype,
    ('numpy', 'ndarray'): ListOfArray,
    **{(f'numpy.{core}.multiarray', name): made for core in ('core', '_core')
       for name, made in (('scalar', plain_scalar), ('_reconstruct', empty_list))},
    **{(f'numpy.{core}.numeric', '_frombuffer'): list_of_buffer for core in ('core', '_core')},
}
