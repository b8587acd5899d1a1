"""Reads the rows of a triplet list (image, mask, expressions): JSON, JSONL, CSV, TSV or plain text."""

import csv
import json
import os
import re
from collections import Counter
from contextlib import nullcontext
from typing import Any, Dict, Iterator, List, Optional, Tuple

from mmrefseg.errors import RefDataError, first_lines

from ..budget import check_budget, limit
from ..file_names import check_regular
from .cells import FIELDS, Row, check_row, place
from .parquet import open_parquet

#: Longest cell of a CSV: an outline may have many points.
MAX_CELL = 2**27
FORMATS = ('.json (a list of objects), .jsonl, .csv, .tsv (with a header), .parquet or .txt (lines '
           '"<name> <expression>")')


def read_rows(path: str, columns: Optional[Dict[str, str]] = None) -> Iterator[Row]:
    """Read a list.

    Args:
        path (str): The file; its ending says the format.
        columns (dict, optional): Names in the file by :data:`FIELDS`, where they differ from these.

    Yields:
        Row: One after the other in their order: a list of millions is not held.

    Raises:
        RefDataError: The file is missing, empty or of another format, or, behind the last row, rows are not as they
            should be: with file and line, what was found and what was expected, of all such rows together (the first
            ten).
    """
    names = dict(zip(FIELDS, FIELDS), **(columns or {}))
    unknown = sorted(set(names) - set(FIELDS))
    if unknown:
        raise RefDataError(f'columns={columns}: found {", ".join(unknown)}, expected some of {", ".join(FIELDS)}')
    reader = _READERS.get(os.path.splitext(path)[1].lower())
    if reader is None:
        raise RefDataError(f'{path} is no list of a known format: expected {FORMATS}')
    read, problems, counts, most = False, [], Counter(), limit('MAX_EXPRESSIONS')
    try:
        check_regular(path, 'the list')
        with _opened(path) as file:
            for line, cells in reader(file):
                try:
                    row = check_row(line, cells, names)
                except RefDataError as error:
                    problems.append(f'{place(line)}: {error}')
                except RecursionError:
                    problems.append(f'{place(line)}: it is nested too deep')
                else:
                    counts[row.image] += len(row.expressions)
                    if counts[row.image] > most:  # before more memory is taken
                        check_budget('MAX_EXPRESSIONS', counts[row.image], f'{path}: {row.image}')
                    read = True
                    yield row
    except OSError as error:
        raise RefDataError(f'{path} cannot be read: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise RefDataError(f'{path} is not UTF-8: {error}') from error
    except _FormatError as error:
        raise RefDataError(f'{path}, {error}') from error
    if problems:
        raise RefDataError(f'{path}: {len(problems)} rows are not as they should be:{first_lines(problems)}')
    if not read:
        raise RefDataError(f'{path} has no rows')


def _opened(path: str):
    """Open a list for the reader of its format: a text file; of parquet, its path."""
    return nullcontext(path) if path.lower().endswith('.parquet') else open(path, encoding='utf-8-sig', newline='')


def _read_parquet(path: str) -> Iterator[Tuple[int, Any]]:
    for number, row in open_parquet(path):
        yield -number, row


class _FormatError(ValueError):
    """The file as a whole cannot be read on."""


def _read_json(file) -> Iterator[Tuple[int, Any]]:
    """The items of a list, one by one, as ``json.loads`` would not say their lines."""
    rows = list(_read_items(file))
    crowded = len({line for line, _ in rows}) < len(rows)  # then a line would not say which row
    yield from (((-number if crowded else line), row) for number, (line, row) in enumerate(rows, 1))


def _unique(pairs: List[Tuple[str, Any]]) -> dict:
    """An object whose names differ: of two values of one name, which?"""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise RefDataError(f'it has {", ".join(map(repr, twice))} twice')
    return found


def _read_items(file) -> Iterator[Tuple[int, Any]]:
    text, line, position, counted = file.read(), 1, 0, 0

    def skip(start: int) -> int:
        return re.compile(r'[ \t\r\n]*').match(text, start).end()

    def fail(expected: str) -> _FormatError:
        return _FormatError(f'line {text.count(chr(10), 0, position) + 1}: expected {expected}, '
                            f'found {text[position:position + 20]!r}')

    decoder = json.JSONDecoder(object_pairs_hook=_unique)
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
        except RecursionError as error:
            raise _FormatError(f'line {line}: it is nested too deep') from error
        except ValueError as error:  # RefDataError of a name that stands twice, a number of thousands of digits
            raise _FormatError(f'line {line}: {error}') from error
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
                row = json.loads(text, object_pairs_hook=_unique)
            except json.JSONDecodeError as error:
                row = RefDataError(f'it is no JSON: {error.msg} at character {error.colno}')
            except RecursionError:
                row = RefDataError('it is nested too deep')
            except ValueError as error:  # RefDataError of a name that stands twice, a number of thousands of digits
                row = RefDataError(str(error))
            yield line, row


def _read_csv(file, delimiter: str = ',') -> Iterator[Tuple[int, Any]]:
    limit = csv.field_size_limit(MAX_CELL)
    try:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        header = [name.strip() for name in next(reader, [])]
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            raise _FormatError(f'line 1: the header has {", ".join(map(repr, twice))} twice')
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
    '.txt': _read_text, '.parquet': _read_parquet}
