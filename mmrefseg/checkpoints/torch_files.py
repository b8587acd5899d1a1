"""Checkpoints as torch.save writes them, today's zip files and the pickles before them."""

import argparse
import os
import pickle
import struct
import zipfile
from contextlib import contextmanager
from typing import BinaryIO, Iterator, Optional

import torch

from mmrefseg.errors import CheckpointError

from .file_kind import ZIP
from .pickle_budget import check_pickle

#: Bytes that the list of a zip file's entries may have: an entry, a tensor, has some 80.
MAX_DIRECTORY = 32 * 2**20
# How the end of a zip file begins, and of one over 4 GB.
END, END64 = b'PK\x05\x06', b'PK\x06\x06'
LEGACY = pickle.dumps(torch.serialization.MAGIC_NUMBER, protocol=2)[:13]
PICKLES_BEFORE = 3  # in a file of torch before 1.6: a magic number, a version, and sizes of the machine


def read_torch_file(path: str, kind: str) -> object:
    """Read what torch.save wrote; nothing in it runs, and it takes the memory of its tensors.

    Args:
        path (str): The file.
        kind (str): Of :func:`~mmrefseg.checkpoints.file_kind.kind_of_file`: 'zip' or 'pickle'.

    Returns:
        object: The content, on the CPU.

    Raises:
        CheckpointError: It is cut off or damaged, no file of torch.save, over the budget, or names what weights do not
            need.
    """
    with _named(path), open(path, 'rb') as file, torch.serialization.safe_globals([argparse.Namespace]):
        # Official checkpoints hold their training arguments, a plain namespace.
        _check(file, kind)
        file.seek(0)
        return torch.load(file, map_location='cpu', weights_only=True)


def check_torch_file(path: str, kind: str) -> None:
    """Check what :func:`read_torch_file` checks, with its arguments and errors, and read no tensors."""
    with _named(path), open(path, 'rb') as file, torch.serialization.safe_globals([argparse.Namespace]):
        _check(file, kind)


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Name the file in whatever a damaged one makes of its reading."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f'{path} cannot be read as a checkpoint: {error}') from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, AttributeError, TypeError, ValueError, KeyError, IndexError,
            NotImplementedError, struct.error, zipfile.BadZipFile) as error:
        reason = str(error).strip().split('\n')[-1][:300] or type(error).__name__
        raise CheckpointError(f'{path} cannot be read as a checkpoint, it is damaged: {reason}') from error


def is_legacy(path: str) -> bool:
    """Tell whether a pickle is one of torch before 1.6: its first object is torch's magic number."""
    with open(path, 'rb') as file:
        return file.read(len(LEGACY)) == LEGACY


def check_whole(path: str) -> None:
    """Check that a zip file of torch.save is all there, and that its content fits its checksums.

    Args:
        path (str): The file.

    Raises:
        CheckpointError: It is not.
        OSError: It cannot be read.
    """
    with open(path, 'rb') as file:
        _check_zip(file)


def _check(file: BinaryIO, kind: str) -> None:
    (_check_zip if kind == ZIP else _check_legacy)(file)


def _check_zip(file: BinaryIO) -> None:
    size = os.fstat(file.fileno()).st_size
    directory = _directory_size(file, size)
    if directory is None:
        raise CheckpointError(f'it is cut off: the end of a zip file is not there ({size} bytes)')
    if directory > MAX_DIRECTORY:
        raise CheckpointError(f'its list of entries has {directory} bytes, expected at most {MAX_DIRECTORY}')
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        names = {entry.filename.partition('/')[2] or entry.filename: entry for entry in entries}
        if 'data.pkl' not in names or 'constants.pkl' in names:
            kind = 'a TorchScript program' if 'constants.pkl' in names else \
                f'a zip archive of other things ({", ".join(sorted(names)[:3])})'
            raise CheckpointError(f'it is {kind}, expected weights as torch.save writes them')
        packed = next((entry for entry in entries if entry.compress_type != zipfile.ZIP_STORED), None)
        if packed is not None:
            raise CheckpointError(f'{packed.filename} in it is compressed ({packed.compress_size} bytes that become '
                                  f'{packed.file_size}), which torch.save never does')
        if sum(entry.file_size for entry in entries) > size:
            raise CheckpointError(f'its entries claim {sum(entry.file_size for entry in entries)} bytes of {size}')
        with archive.open(names['data.pkl']) as opened:
            stored = check_pickle(opened, size)
        for key, needed in stored.items():
            entry = names.get(f'data/{key}')
            if entry is None or entry.file_size < needed:
                raise CheckpointError(f'of the storage {key[:40]} there are '
                                      f'{entry.file_size if entry else 0} of {needed} bytes')
        damaged = archive.testzip()
        if damaged is not None:
            raise CheckpointError(f'it is damaged: {damaged} does not fit its checksum')


def _check_legacy(file: BinaryIO) -> None:
    size = os.fstat(file.fileno()).st_size
    for _ in range(PICKLES_BEFORE + 1):
        check_pickle(file, size)


def _directory_size(file: BinaryIO, size: int) -> Optional[int]:
    """Bytes of the list of entries, which stands at the end of a zip file; None without an end."""
    tail = min(size, 1 << 16)
    file.seek(size - tail)
    end = file.read(tail)
    at = end.rfind(END)
    if at < 0 or len(end) < at + 22:
        return None
    directory, = struct.unpack_from('<I', end, at + 12)
    if directory == 0xFFFFFFFF:
        at = end.rfind(END64, 0, at)
        if at < 0 or len(end) < at + 48:
            return None
        directory, = struct.unpack_from('<Q', end, at + 40)
    return directory
