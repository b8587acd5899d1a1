"""JSON files of a source, read once and looked at by each form in turn."""

from functools import lru_cache
from pathlib import Path
from typing import Any, List, Optional

from mmrefseg.errors import RefDataError

from ..refer_format.plain_json import read_json


@lru_cache(maxsize=2)
def _read(path: str, size: int, time: int) -> Any:
    return read_json(path)


def read(path: Path) -> Any:
    """Read a JSON file; the last ones are kept.

    Raises:
        RefDataError: See :func:`~mmrefseg.datasets.refer_format.plain_json.read_json`.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise RefDataError(f'{path} cannot be read: {error.strerror}') from error
    return _read(str(path), found.st_size, found.st_mtime_ns)


def peek(path: Path) -> Any:
    """Read a JSON file of a source that may be anything; None if it is no JSON."""
    if path.suffix.lower() != '.json' or not path.is_file():
        return None
    try:
        return read(path)
    except RefDataError:
        return None


def json_files(path: Path) -> List[Path]:
    """list[Path]: A JSON file, or those of a folder and one level below it, sorted."""
    if path.is_file():
        return [path] if path.suffix.lower() == '.json' else []
    return sorted([*path.glob('*.json'), *path.glob('*/*.json')])


def first_entry(value: Any) -> Optional[dict]:
    """dict | None: The first entry of a list of objects."""
    return value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else None
