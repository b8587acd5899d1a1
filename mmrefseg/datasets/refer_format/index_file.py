"""A safetensors file of named flat arrays that is mapped: no copy, no pickle, checked before it is trusted.

safetensors checks names, types and places; its metadata say here which sources the arrays were made of, and a checksum
notices content that was changed, cut or moved, which the format itself does not. Of a large file it is counted once:
that it was right is noted beside it, with the size, the times and the inode of the file, one of which is another when
somebody has written to it or it was copied. What a disk returns wrongly of an untouched file is not noticed then.
"""

import json
import os
import time
from pathlib import Path
from typing import BinaryIO, Dict, List, Sequence, Tuple, Union

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mmrefseg.utils.whole_file import whole_file
from mmrefseg.utils.write_text import write_text

# Change it whenever the same sources give other arrays.
FORMAT_VERSION = 5
ABSENT = '0' * 16  # takes the checksum's place while it is counted
#: Bytes from which a file is counted once, and not at every start: less takes some hundredths of a second.
COUNTED_ONCE_FROM = 2**26
#: Of the file beside it that says so.
COUNTED = '.counted'
#: Nanoseconds for which nobody must have written to it: clocks of files tick, and two writes may have the same time.
SETTLED = 2 * 10**9
_BLOCK = 2**16
# An odd factor a word, so that words that change places are noticed; blocks are told apart by _STEP.
_FACTORS = (np.arange(_BLOCK, dtype=np.uint64) * np.uint64(2) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
_STEP = 0xD1B54A32D192ED03


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
    # safetensors knows no text: its characters go in as numbers.
    texts = {name: array.dtype.str for name, array in arrays.items() if array.dtype.kind == 'U'}
    stored = {name: array.reshape(*array.shape, 1).view('<u4') if name in texts else array
              for name, array in arrays.items()}
    about = dict(version=FORMAT_VERSION, sources=sources, names=list(arrays), texts=texts)
    with whole_file(path, wanted=sum(array.nbytes for array in stored.values())) as part:
        save_file(stored, part, metadata=dict(about=json.dumps(about), checksum=ABSENT))
        with open(part, 'r+b') as file:
            header = _read_header(file)
            counted = _checksum(file, header)
            file.seek(0)
            file.write(header.replace(_entry(ABSENT), _entry(counted), 1))


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
    return map_counted(path, sources, names)[0]


def map_counted(path: Union[str, Path], sources: Sequence,
                names: List[str]) -> Tuple[Dict[str, np.ndarray], str]:
    """:func:`map_arrays`, and the checksum, which tells this content from any other."""
    try:
        # torch's tensors are mapped, numpy's of this library would be copies.
        with open(path, 'rb') as file, safe_open(path, framework='pt') as opened:
            metadata = opened.metadata() or {}
            about = json.loads(metadata['about'])
            if about['version'] != FORMAT_VERSION or about['sources'] != json.loads(json.dumps(sources)):
                raise IndexFileError(f'{path} is of another version, or of other sources')
            header, found = _read_header(file), metadata['checksum']
            if not _was_counted(path, file):
                began, identity = time.time_ns(), _identity(file)
                if _checksum(file, header.replace(_entry(found), _entry(ABSENT), 1)) != found:
                    raise ValueError('its checksum is wrong')
                _note_counted(path, file, identity, began)
            if about['names'] != names:
                raise IndexFileError(f'{path} holds {about["names"]} where {names} were expected')
            return {name: _array(opened.get_tensor(name).numpy(), about['texts'].get(name)) for name in names}, found
    except OSError as error:
        raise IndexFileError(f'{path} cannot be read: {error.strerror or error}') from error
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, IndexFileError):
            raise
        raise IndexFileError(f'{path} is damaged, or no file of ours: {error}') from error


def _identity(file: BinaryIO) -> List[int]:
    """Size, times and inode of an open file."""
    stat = os.fstat(file.fileno())
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _was_counted(path: Union[str, Path], file: BinaryIO) -> bool:
    """Whether the checksum of this very file was right before, and nobody has written to it since."""
    identity = _identity(file)
    if identity[0] < COUNTED_ONCE_FROM:
        return False
    try:
        return json.loads(Path(f'{path}{COUNTED}').read_text(encoding='utf-8')) == identity
    except (OSError, ValueError):
        return False


def _note_counted(path: Union[str, Path], file: BinaryIO, identity: List[int], began: int) -> None:
    """Note that a file's checksum is right; ``began``: the nanosecond at which counting began."""
    size, written, changed, _ = identity
    if size >= COUNTED_ONCE_FROM and began - max(written, changed) >= SETTLED and _identity(file) == identity:
        try:
            write_text(f'{path}{COUNTED}', json.dumps(identity))
        except OSError:
            pass  # then it is counted at the next start, too


def _array(array: np.ndarray, text: Union[str, None]) -> np.ndarray:
    """An array, read-only, and as text if it is one."""
    if text is not None:
        dtype = np.dtype(text)
        if dtype.kind != 'U':
            raise ValueError(f'no text is of type {text!r}')
        array = array.view(dtype).reshape(array.shape[:-1]) if array.size else np.empty(array.shape[:-1], dtype)
    array.flags.writeable = False
    return array


def _read_header(file: BinaryIO) -> bytes:
    """The length of safetensors' header and the header."""
    length = file.read(8)
    return length + file.read(int.from_bytes(length, 'little'))


def _entry(checksum: str) -> bytes:
    return f'"checksum":"{checksum}"'.encode()


def _checksum(file: BinaryIO, header: bytes) -> str:
    """Of a header and all behind it; by a buffer, as mapped pages would count as this process' memory."""
    total = 0
    words = np.zeros(_BLOCK, '<u8')
    pieces = [header[start:start + words.nbytes] for start in range(0, len(header), words.nbytes)]

    def add(count: int) -> int:
        words.view(np.uint8)[count:count + 8] = 0  # the rest of the last word
        used = -(-count // 8)
        return (total * _STEP + int(np.dot(words[:used], _FACTORS[:used])) + count) % 2**64

    for piece in pieces:
        words.view(np.uint8)[:len(piece)] = np.frombuffer(piece, np.uint8)
        total = add(len(piece))
    file.seek(len(header))
    while count := file.readinto(words):
        total = add(count)
    return f'{total:016x}'
