"""Reads the rows of a triplet list (picture, mask, expressions): JSON, JSONL, CSV, TSV or plain text."""

import csv
import json
import os
import re
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from mmrefseg.errors import RefDataError, first_lines

#: What a row may have; ``columns`` says under which names.
FIELDS = ('image', 'mask', 'expression', 'split', 'ref_id')
#: Longest cell of a CSV: an outline may have many points.
MAX_CELL = 2**27
FORMATS = '.json (a list of objects), .jsonl, .csv, .tsv (with a header) or .txt (lines "<name> <expression>")'


class Row(NamedTuple):
    """A row of the list.

    Attributes:
        line: Its line in the file, from 1.
        image: Name of the picture.
        mask: Name of a mask file, polygons or RLEs; None = not given.
        expressions: One or more.
        split: Its split, '' = not given.
        ref_id: None = not given.
    """

    line: int
    image: str
    mask: Union[None, str, list, dict]
    expressions: List[str]
    split: str
    ref_id: Optional[int]


def read_rows(path: str, columns: Optional[Dict[str, str]] = None) -> List[Row]:
    """Read a list.

    Args:
        path (str): The file; its ending says the format.
        columns (dict, optional): Names in the file by :data:`FIELDS`, where they differ from these.

    Returns:
        list[Row]: The rows in their order.

    Raises:
        RefDataError: The file is missing, empty or of another format, or rows are not as they should be: with file
            and line, what was found and what was expected, of all such rows together (the first ten).
    """
    names = dict(zip(FIELDS, FIELDS), **(columns or {}))
    unknown = sorted(set(names) - set(FIELDS))
    if unknown:
        raise RefDataError(f'columns={columns}: found {", ".join(unknown)}, expected some of {", ".join(FIELDS)}')
    reader = _READERS.get(os.path.splitext(path)[1].lower())
    if reader is None:
        raise RefDataError(f'{path} is no list of a known format: expected {FORMATS}')
    rows, problems = [], []
    try:
        with open(path, encoding='utf-8-sig', newline='') as file:
            for line, row in reader(file):
                try:
                    rows.append(_check_row(line, row, names))
                except RefDataError as error:
                    problems.append(f'line {line}: {error}')
    except OSError as error:
        raise RefDataError(f'{path} cannot be read: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise RefDataError(f'{path} is not UTF-8: {error}') from error
    except _FormatError as error:
        raise RefDataError(f'{path}, {error}') from error
    if problems:
        raise RefDataError(f'{path}: {len(problems)} rows are not as they should be:{first_lines(problems)}')
    if not rows:
        raise RefDataError(f'{path} has no rows')
    return rows


class _FormatError(ValueError):
    """The file as a whole cannot be read on."""


def _read_json(file) -> Iterator[Tuple[int, Any]]:
    """The items of a list, one by one, as ``json.loads`` would not say their lines."""
    text, line, position, counted = file.read(), 1, 0, 0

    def skip(start: int) -> int:
        return re.compile(r'[ \t\r\n]*').match(text, start).end()

    def fail(expected: str) -> _FormatError:
        return _FormatError(f'line {text.count(chr(10), 0, position) + 1}: expected {expected}, '
                            f'found {text[position:position + 20]!r}')

    decoder = json.JSONDecoder()
    position = skip(0)
    if text[position:position + 1] != '[':
        raise fail("a list of rows, '['")
    position = skip(position + 1)
    more = text[position:position + 1] != ']'
    while more:
        line, counted = line + text.count('\n', counted, position), position
        try:
            row, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise _FormatError(f'line {error.lineno}: it is no readable JSON, or truncated: {error.msg}') from error
        yield line, row
        position = skip(position)
        more = text[position:position + 1] == ','
        if more:
            position = skip(position + 1)
        elif text[position:position + 1] != ']':
            raise fail("',' or ']' behind a row")
    position = skip(position + 1)
    if position < len(text):
        raise fail("the end of the file behind ']'")


def _read_jsonl(file) -> Iterator[Tuple[int, Any]]:
    for line, text in enumerate(file, 1):
        if text.strip():
            try:
                row = json.loads(text)
            except json.JSONDecodeError as error:
                row = RefDataError(f'it is no JSON: {error.msg} at character {error.colno}')
            yield line, row


def _read_csv(file, delimiter: str = ',') -> Iterator[Tuple[int, Any]]:
    limit = csv.field_size_limit(MAX_CELL)
    try:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        header = next(reader, [])
        for cells in reader:
            if len(cells) == len(header):
                row = dict(zip(header, cells))
            elif cells:
                row = RefDataError(f'it has {len(cells)} cells where the header has {len(header)}: {", ".join(header)}')
            else:
                continue
            yield reader.line_num, row
    except csv.Error as error:
        raise _FormatError(f'line {reader.line_num}: {error}') from error
    finally:
        csv.field_size_limit(limit)


def _read_tsv(file) -> Iterator[Tuple[int, Any]]:
    return _read_csv(file, delimiter='\t')


def _read_text(file) -> Iterator[Tuple[int, Any]]:
    for line, text in enumerate(file, 1):
        words = text.split(maxsplit=1)
        if len(words) == 2:
            yield line, dict(image=words[0], expression=words[1].strip())
        elif words:
            yield line, RefDataError(f"expected '<name> <expression>', found {text.strip()[:60]!r}")


_READERS = {
    '.json': _read_json, '.jsonl': _read_jsonl, '.ndjson': _read_jsonl, '.csv': _read_csv, '.tsv': _read_tsv,
    '.txt': _read_text}


def _check_row(line: int, row: Any, names: Dict[str, str]) -> Row:
    if isinstance(row, RefDataError):
        raise row
    if not isinstance(row, dict):
        raise RefDataError(f'found {_short(row)}, expected an object with {names["image"]!r} and '
                           f'{names["expression"]!r}')
    missing = [names[field] for field in ('image', 'expression') if names[field] not in row]
    if missing:
        raise RefDataError(f'it has no {" and no ".join(map(repr, missing))}; it has: '
                           f'{", ".join(map(str, row)) or "nothing"} (the option columns gives other names)')
    image, mask, expressions, split, ref_id = (row.get(names[field]) for field in FIELDS)
    if not isinstance(image, str) or not image.strip():
        raise RefDataError(f'{names["image"]!r} is {_short(image)}, expected the name of a picture')
    expressions = [expressions] if isinstance(expressions, str) else expressions
    if not isinstance(expressions, list) or not expressions or not all(isinstance(text, str) for text in expressions):
        raise RefDataError(f'{names["expression"]!r} is {_short(expressions)}, expected a text or a list of texts')
    if not isinstance(split, (str, type(None))):
        raise RefDataError(f'{names["split"]!r} is {_short(split)}, expected a text')
    return Row(line, image, _check_mask(mask, names['mask']), expressions, split or '',
               _check_ref_id(ref_id, names['ref_id']))


def _check_mask(mask: Any, name: str) -> Union[None, str, list, dict]:
    if isinstance(mask, str) and mask.lstrip()[:1] in ('[', '{'):  # a cell of a CSV
        try:
            mask = json.loads(mask)
        except json.JSONDecodeError as error:
            raise RefDataError(f'{name!r} begins like JSON and is none ({error.msg}): {_short(mask)}') from error
    if not isinstance(mask, (str, list, dict, type(None))):
        raise RefDataError(f'{name!r} is {_short(mask)}, expected the name of a mask file, polygons or RLEs')
    if isinstance(mask, list) and mask and all(isinstance(number, (int, float)) for number in mask):
        return [mask]  # a single polygon
    return None if mask == '' else mask


def _check_ref_id(ref_id: Any, name: str) -> Optional[int]:
    if ref_id is None or ref_id == '':
        return None
    try:
        if isinstance(ref_id, (str, int)) and not isinstance(ref_id, bool):
            return int(ref_id)
    except ValueError:
        pass
    raise RefDataError(f'{name!r} is {_short(ref_id)}, expected an integer')


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:59]}…'
