"""Forms that hold boxes alone: recognised, to say that no mask is to be had of them."""

import json
from pathlib import Path
from typing import Iterator

from mmrefseg.errors import RefDataError

from .form import Form, FormRow, Source


def _first(path: Path) -> dict:
    if path.suffix.lower() not in ('.jsonl', '.ndjson', '.json', '.odvg') or not path.is_file():
        return {}
    try:
        with open(path, encoding='utf-8-sig') as file:
            found = json.loads(file.readline())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def matches(path: Path) -> bool:
    """bool: Whether the first line is of ODVG, or of a language model's list of boxes."""
    entry = _first(path)
    return 'referring' in entry or 'grounding' in entry or 'bbox' in entry and 'mask' not in entry and (
        'segmentation' not in entry)


def read_rows(source: Source) -> Iterator[FormRow]:
    """Nothing.

    Raises:
        RefDataError: Always.
    """
    raise RefDataError(f'{source.path} holds boxes alone (ODVG, or a list for a language model): no mask is to be had '
                       'of a box, since it says nothing of the shape of its object. Look for the same set with masks')
    yield


FORM = Form('boxes', 'boxes alone (ODVG, lists for language models)', matches, read_rows)
