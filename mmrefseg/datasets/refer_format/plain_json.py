"""JSON as annotations come: with a byte order mark, NaN in a field that nobody reads, half an emoji in another."""

import mmap
import os
import re
from pathlib import Path
from typing import Any, Union

import msgspec

from mmrefseg.errors import RefDataError

from ..file_names import check_regular

_BOM = b'\xef\xbb\xbf'
#: Bytes from which a file is mapped and not read: a copy of gigabytes takes memory that the system first has to find.
MAPPED_FROM = 2**24
# Texts, which are passed over, and what Python's json writes and JSON does not have.
_LOOSE = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b', re.S)
_SURROGATE = re.compile(rb'(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|'
                        rb'(?<!\\)((?:\\\\)*)\\u[dD][89a-fA-F][0-9a-fA-F]{2}')


def read_json(path: Union[str, Path], kind: Any = Any, encoding: str = 'utf-8') -> Any:
    """Read a JSON file.

    NaN and infinite numbers, which JSON does not have and Python writes, become null; half a surrogate pair becomes the
    replacement character U+FFFD.

    Args:
        path (str | Path): The file, UTF-8 with or without a byte order mark.
        kind (type): What msgspec makes of it. Defaults to plain objects.
        encoding (str): Of the file, where it is another one.

    Returns:
        Any: What is in it.

    Raises:
        RefDataError: The file is missing, no regular file, no JSON, or nested too deep.
        msgspec.ValidationError: It is JSON and not of that kind.
    """
    try:
        check_regular(str(path), 'the file')
        content = _content(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise RefDataError(f'{path} cannot be read: {reason}') from error
    if content[:3] == _BOM:
        content = content[3:]
    if encoding != 'utf-8':
        content = memoryview(bytes(content).decode(encoding).encode())
    if content[:2] in (b'\xff\xfe', b'\xfe\xff'):
        raise RefDataError(f'{path} is UTF-16, expected UTF-8')
    try:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.ValidationError:
            raise
        except ValueError:
            loose = _made_strict(content)
            if loose == content:
                raise
            return msgspec.json.decode(loose, type=kind)
    except msgspec.ValidationError:
        raise
    except RecursionError as error:
        raise RefDataError(f'{path} is nested too deep') from error
    except ValueError as error:  # msgspec.DecodeError, UnicodeDecodeError
        raise RefDataError(f'{path} is no readable JSON, or truncated: {error}') from error


def _content(path: Union[str, Path]) -> memoryview:
    """The bytes of a file; those of a large one stay in the system's page cache."""
    with open(path, 'rb') as file:
        large = os.fstat(file.fileno()).st_size >= MAPPED_FROM
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if large else file.read())


def _made_strict(content: memoryview) -> bytes:
    def replace(match: 're.Match') -> bytes:
        text = match.group()
        return _SURROGATE.sub(_mend, text) if text[:1] == b'"' else b'null'
    return _LOOSE.sub(replace, content)


def _mend(match: 're.Match') -> bytes:
    return match.group() if match.group(2) else match.group(3) + b'\\ufffd'
