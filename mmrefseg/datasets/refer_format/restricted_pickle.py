"""Reads ``refs(<split_by>).p`` without letting the file run anything."""

import codecs
import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, Union

from mmrefseg.errors import RefDataError

from ..file_names import check_regular
from .numpy_pickles import NUMPY_GLOBALS
from .pickle_scan import check_memory

# Lists, dicts, tuples, strings and numbers need no global at all; these are the other plain ones.
ALLOWED_GLOBALS = {
    ('__builtin__', 'set'): set,
    ('__builtin__', 'frozenset'): frozenset,
    ('builtins', 'set'): set,
    ('builtins', 'frozenset'): frozenset,
    ('collections', 'OrderedDict'): OrderedDict,
    **NUMPY_GLOBALS,
}


def _decode_as_latin1(error: UnicodeError):
    """Codec error handler: the bytes that are not UTF-8 are Latin-1, which any byte is."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start:error.end].decode('latin-1'), error.end


codecs.register_error('mmrefseg_latin1', _decode_as_latin1)


class ReferUnpickler(pickle.Unpickler):
    """An unpickler that knows plain containers, strings and numbers only; numpy's become Python's.

    Python 2's ``str`` (bytes of unstated encoding) is read as UTF-8 and, where it is not UTF-8, as
    Latin-1; its ``unicode`` and Python 3's ``str`` are what they say.

    Args:
        file: A binary file.
        name (str): What errors call the file.
    """

    def __init__(self, file, name: str) -> None:
        super().__init__(file, encoding='utf-8', errors='mmrefseg_latin1')
        self._name = name

    def find_class(self, module: str, name: str) -> Any:
        """Look a global up, among the allowed ones alone.

        Raises:
            RefDataError: The pickle asks for any other global.
        """
        try:
            return ALLOWED_GLOBALS[module, name]
        except KeyError:
            raise RefDataError(
                f'{self._name} asks for the global "{module}.{name}". A refer file holds plain '
                'containers, strings and numbers only, and nothing else is loaded, since it could '
                'run code. Do not trust this file.') from None


def load_refer_pickle(path: Union[str, Path]) -> list:
    """Load ``refs(<split_by>).p``, of Python 2 (protocol 0 or 2) or of today.

    Args:
        path (str | Path): The file.

    Returns:
        list[dict]: Its refs.

    Raises:
        RefDataError: The file is missing, broken, asks for a global that is not allowed or holds
            something else than a list of dicts.
    """
    path = str(path)
    try:
        check_regular(path, 'the file')
        content = Path(path).read_bytes()
        check_memory(content, path)
        refs = ReferUnpickler(io.BytesIO(content), path).load()
    except RefDataError as error:
        raise error if path in str(error) else RefDataError(f'{path}: {error}') from error
    except OSError as error:
        raise RefDataError(f'{path} cannot be read: {error.strerror}') from error
    except Exception as error:  # a broken pickle can raise nearly anything
        raise RefDataError(
            f'{path} is no readable pickle, or a truncated one '
            f'({type(error).__name__}: {error})') from error
    check_refs(refs, path, 'dicts')
    return refs


def check_refs(refs: object, path: Union[str, Path], entries: str) -> None:
    """Check that a file holds a list of dicts.

    Args:
        refs (object): What the file holds.
        path (str | Path): The file.
        entries (str): What its format calls a dict.

    Raises:
        RefDataError: It holds something else.
    """
    if not isinstance(refs, list) or not all(isinstance(ref, dict) for ref in refs):
        raise RefDataError(
            f'{path} should hold a list of refs ({entries}) and holds {type(refs).__name__}'
            + (' with other entries' if isinstance(refs, list) else ''))
