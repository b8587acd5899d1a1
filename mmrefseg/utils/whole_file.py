"""Files that are whole or absent under their own names, whoever kills the process and however full the disk is."""

import errno
import glob
import os
import re
import shutil
import socket
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Iterable, Iterator, Optional, Union

#: What names of unfinished files have near their end; before it stand the machine and the number of the process that
#: writes them.
PART = '.part'
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_HOST = re.sub(r'[^A-Za-z0-9]', '_', socket.gethostname())
_TOKEN = uuid.uuid4().hex[:8]  # tells this process from an earlier one that had its number
_PART_NAME = re.compile(rf'\.{re.escape(_HOST)}-(\d+)-([0-9a-f]{{8}})-[0-9a-f]{{8}}{re.escape(PART)}(\.\w+)?$')


@contextmanager
def whole_file(path: Union[str, Path], wanted: Optional[int] = None, one_of_many: bool = False,
               suffix: str = '') -> Iterator[str]:
    """Write a file under another name, which takes its own when it is whole and on the disk.

    What killed processes of this machine have left of the same file is removed.

    Args:
        path (str | Path): The file; its folder is made.
        wanted (int, optional): Bytes that it will have, for the error of a full disk. Default: what was written of it.
        one_of_many (bool): Whether to leave out the looking for leftovers and the waiting for the disk, which take long
            for thousands of files: whoever writes those clears their folder at once (:func:`clear_parts_below`) and
            looks whether they are whole. Defaults to False.
        suffix (str): What the name to write to must end with, for those who go by that. Defaults to ''.

    Yields:
        str: The name to write to.

    Raises:
        OSError: It cannot be written. Of a full disk the message has the path, and the space that is wanted and there.
    """
    path = os.path.abspath(path)
    part = f'{path}.{_HOST}-{os.getpid()}-{_TOKEN}-{uuid.uuid4().hex[:8]}{PART}{suffix}'
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not one_of_many:
            clear_parts(path)
        yield part
        if not one_of_many:
            with open(part, 'rb+') as file:
                os.fsync(file.fileno())  # or a crash of the machine may leave the name without the content
        os.replace(part, path)
    except Exception as error:
        if not _is_full(error):
            raise
        written = os.path.getsize(part) if os.path.exists(part) else 0
        raise OSError(errno.ENOSPC, disk_full(path, wanted or written, whole=wanted is not None)) from error
    finally:
        if os.path.exists(part):
            os.remove(part)


def disk_full(path: str, wanted: int, whole: bool = True) -> str:
    """str: The message that a disk is full: the path, the space wanted, and what is there."""
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    more = '' if whole else ' or more'
    return (f'{path} cannot be written, the disk is full: {wanted / 1e6:.1f} MB{more} are wanted, '
            f'{shutil.disk_usage(folder).free / 1e6:.1f} MB are free')


def clear_parts(path: Union[str, Path]) -> None:
    """Remove what killed processes of this machine left of a file that :func:`whole_file` was to write.

    Args:
        path (str | Path): The file's own name.
    """
    _remove_stale(glob.glob(f'{glob.escape(str(path))}.*{PART}*'))


def clear_parts_below(folder: Union[str, Path]) -> None:
    """Remove what killed processes of this machine left in a folder and all below it.

    Args:
        folder (str | Path): The folder.
    """
    for root, _, files in os.walk(folder):
        _remove_stale(os.path.join(root, name) for name in files if PART in name)


def _remove_stale(parts: Iterable[str]) -> None:
    for part in parts:
        found = _PART_NAME.search(part)
        if found and found.group(2) != _TOKEN and not is_at_work(int(found.group(1))):
            try:
                os.remove(part)
            except OSError:
                pass  # another process was quicker, or it is another user's


def is_at_work(process: int) -> bool:
    """bool: Whether another process of this number lives on this machine; our own had it from an earlier one."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except PermissionError:  # it lives, and is another user's
        return True
    except OSError:
        return False
    return True


def _is_full(error: Exception) -> bool:
    # safetensors raises an error of its own, with the system's words.
    return isinstance(error, OSError) and error.errno in _FULL or 'No space left' in str(error)
