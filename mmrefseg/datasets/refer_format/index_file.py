"""A file of named flat arrays that is opened by memory map: no copy, no pickle, checked before it is trusted.

Layout: ``MAGIC``, then three little-endian unsigned 64-bit numbers (length of the header, size of the file, the sum of
these two and of all 64-bit words behind, modulo 2^64), then the header, JSON padded with blanks, and the arrays, each
from a multiple of ``ALIGNMENT`` bytes on.
"""

import json
import mmap
import os
import struct
import uuid
from pathlib import Path
from typing import BinaryIO, Dict, List, Sequence, Union

import numpy as np

MAGIC = b'mmrefseg arrays\n'
# Change it whenever the same sources give other arrays.
FORMAT_VERSION = 2
ALIGNMENT = 64
_NUMBERS = struct.Struct('<3Q')
_PREFIX = len(MAGIC) + _NUMBERS.size  # 40: a multiple of 8, so that words are summed from a word's start


class IndexFileError(ValueError):
    """The file is not what was asked for: absent, foreign, damaged, of another version or of other sources."""


def write_arrays(path: Union[str, Path], arrays: Dict[str, np.ndarray], sources: Sequence) -> None:
    """Write arrays, completely or not at all: into a file of another name, which then takes the place.

    Args:
        path (str | Path): The file.
        arrays (dict[str, np.ndarray]): Of numbers, bools or fixed-width text.
        sources (Sequence): What the arrays were made of, as JSON has it: :func:`map_arrays` asks for the same.

    Raises:
        OSError: It cannot be written.
    """
    arrays = {name: np.asarray(array, order='C') for name, array in arrays.items()}
    entries, size = {}, 0
    for name, array in arrays.items():
        entries[name] = [array.dtype.str, list(array.shape), size]
        size = _aligned(size + array.nbytes)
    header = json.dumps(dict(version=FORMAT_VERSION, sources=sources, arrays=entries)).encode()
    header = header.ljust(_aligned(_PREFIX + len(header)) - _PREFIX)
    part = f'{path}.{uuid.uuid4().hex}.part'  # of its own: several processes may write at once
    try:
        with open(part, 'xb') as file:
            file.write(bytes(_PREFIX) + header)
            for array in arrays.values():
                file.write(array.data if array.size else b'')
                file.write(bytes(_aligned(file.tell()) - file.tell()))
            size = file.tell()
        with open(part, 'r+b') as file:
            numbers = _NUMBERS.pack(len(header), size, _checksum(file, len(header) + size))
            file.seek(0)
            file.write(MAGIC + numbers)
            file.flush()
            os.fsync(file.fileno())  # or a crash may leave the name without the content
        os.replace(part, path)
    finally:
        if os.path.exists(part):
            os.remove(part)


def map_arrays(path: Union[str, Path], sources: Sequence, names: List[str]) -> Dict[str, np.ndarray]:
    """Open what :func:`write_arrays` wrote; the arrays are read-only and lie in the system's page cache, once for all
    processes.

    Args:
        path (str | Path): The file.
        sources (Sequence): What the arrays must have been made of.
        names (list[str]): The arrays that are expected.

    Returns:
        dict[str, np.ndarray]: The arrays.

    Raises:
        IndexFileError: The file is absent or anything else than that.
    """
    try:
        with open(path, 'rb') as file:
            header = _read_header(file)
            if header['version'] != FORMAT_VERSION or header['sources'] != json.loads(json.dumps(sources)):
                raise IndexFileError(f'{path} is of another version, or of other sources')
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if list(header['arrays']) != names:
            raise IndexFileError(f'{path} holds {list(header["arrays"])} where {names} were expected')
        start = _PREFIX + header['length']
        return {name: _array(content, start, *entry) for name, entry in header['arrays'].items()}
    except OSError as error:
        raise IndexFileError(f'{path} cannot be read: {error.strerror}') from error
    except (KeyError, TypeError, ValueError) as error:
        raise IndexFileError(f'{path} is damaged, or no file of ours: {error}') from error


def _aligned(position: int) -> int:
    return -(-position // ALIGNMENT) * ALIGNMENT


def _read_header(file: BinaryIO) -> dict:
    """The header of a file whose size and checksum are right, with its ``length``."""
    prefix = file.read(_PREFIX)
    if len(prefix) < _PREFIX or prefix[:len(MAGIC)] != MAGIC:
        raise ValueError('it does not begin as it should')
    length, size, checksum = _NUMBERS.unpack(prefix[len(MAGIC):])
    found = os.fstat(file.fileno()).st_size
    if size != found or length > size - _PREFIX:
        raise ValueError(f'it has {found} bytes where {size} were expected')
    if _checksum(file, length + size) != checksum:
        raise ValueError('its checksum is wrong')
    file.seek(_PREFIX)
    return dict(json.loads(file.read(length)), length=length)


def _checksum(file: BinaryIO, total: int) -> int:
    """``total`` plus all words behind the prefix; by a buffer, as mapped pages would count as this process' memory."""
    file.seek(_PREFIX)
    words = np.empty(2**16, '<u8')
    while count := file.readinto(words):
        if count % 8:
            raise ValueError('its size is no multiple of 8')
        total += int(np.add.reduce(words[:count // 8], dtype=np.uint64))
    return total % 2**64


def _array(content: mmap.mmap, start: int, dtype: str, shape: Sequence, offset: int) -> np.ndarray:
    dtype = np.dtype(dtype)
    if dtype.kind not in 'biufU' or offset < 0 or min(shape, default=0) < 0:
        raise ValueError(f'no array can be of type {dtype}, shape {shape}, at {offset}')
    return np.ndarray(tuple(shape), dtype, content, start + offset)  # numpy checks that it ends inside
