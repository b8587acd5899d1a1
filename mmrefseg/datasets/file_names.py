"""Names of files that came with somebody's annotations: they stay inside their folder and open no pipe."""

import os
import stat
from typing import Optional

from mmrefseg.errors import RefDataError

from .budget import check_budget


def name_problem(name: str, allow_outside: bool = False) -> Optional[str]:
    """Say why a file of this name must not be opened.

    Args:
        name (str): As the annotations have it, relative to its folder.
        allow_outside (bool): Whether it may be an absolute path, or lead out of the folder by ``..``. Defaults to
            False: annotations that come from elsewhere could have any file of the machine read.

    Returns:
        str | None: The reason, None if there is none.
    """
    if '\0' in name:
        return f'{name!r} holds a NUL, which no file name can'
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return f'{name!r} holds half a character (a lone surrogate), which no file name can'
    if not allow_outside and leads_outside(name):
        return (f'{name!r} is an absolute path or leads out of its folder, expected a name below it '
                '(allow_outside=True reads it all the same: for annotations you trust)')
    return None


def leads_outside(name: str) -> bool:
    """bool: Whether a name means something else than a file below the folder it is relative to."""
    normal = os.path.normpath(name.replace('\\', '/') if os.sep == '\\' else name)
    return os.path.isabs(name) or normal == '..' or normal.startswith('../') or '://' in name


def check_name(name: str, what: str, allow_outside: bool = False) -> None:
    """Refuse a name for one of the reasons of :func:`name_problem`.

    Raises:
        RefDataError: With ``what`` (``'its image'``) before the reason.
    """
    problem = name_problem(name, allow_outside)
    if problem:
        raise RefDataError(f'{what} {problem}')


def check_regular(path: str, what: str) -> int:
    """Look whether a path is a file, before it is opened: a pipe would wait for ever.

    Args:
        path (str): The file.
        what (str): Says in the error what it is: ``'its image'``.

    Returns:
        int: Its size in bytes.

    Raises:
        RefDataError: It is no regular file.
        OSError: There is none, or it cannot be looked at.
        ValueError: The name is none.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        kind = 'a folder' if stat.S_ISDIR(found.st_mode) else 'a pipe, socket or device'
        raise RefDataError(f'{what} {path} is {kind}, expected a file')
    return found.st_size


def check_file(path: str, what: str) -> None:
    """Look at an image's or a mask's file before it is opened: a huge one would take all the memory.

    Args:
        path (str): The file; one behind a protocol (``s3://…``) is not looked at.
        what (str): Says in the error what it is: ``'its image'``.

    Raises:
        RefDataError: It is no regular file, or larger than ``MAX_IMAGE_BYTES``.
        OSError: There is none, or it cannot be looked at.
        ValueError: The name is none.
    """
    if '://' not in path:
        check_budget('MAX_IMAGE_BYTES', check_regular(path, what), f'{what} {path}')
