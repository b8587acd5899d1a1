"""The cells of a triplet list's row: what each may hold, and what people mean by what they write there."""

import ast
import json
import re
from numbers import Integral, Real
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from mmrefseg.errors import RefDataError, shown

#: What a row may have; ``columns`` says under which names.
FIELDS = ('image', 'mask', 'expression', 'split', 'ref_id', 'foreground', 'ignore')
# A cell that begins like JSON or Python and is the name of a file all the same: '[1].png'
_FILE_NAME = re.compile(r'[^"\n]*\.[A-Za-z0-9]{1,5}')


class Row(NamedTuple):
    """A row of the list.

    Attributes:
        line: Its line in the file, from 1; below 0: minus its number, from 1, where lines hold several rows.
        image: Name of the image.
        mask: Name of a mask file, polygons or RLEs; None = not given.
        expressions: One or more.
        split: Its split, '' = not given.
        ref_id: None = not given.
        foreground: The values of the object in the mask file, None = not given.
        ignore: Pixels that count nowhere: their values in the mask file, or polygons and RLEs; None = not given.
    """

    line: int
    image: str
    mask: Union[None, str, list, dict]
    expressions: List[str]
    split: str
    ref_id: Optional[int]
    foreground: Optional[Tuple[int, ...]] = None
    ignore: Union[None, Tuple[int, ...], list, dict] = None


def place(line: int) -> str:
    """str: How messages call a row, by :attr:`Row.line`: 'line 5' or 'row 5'."""
    return f'line {line}' if line >= 0 else f'row {-line}'


def check_row(line: int, row: Any, names: Dict[str, str]) -> Row:
    """Check a row as it was read.

    Args:
        line (int): See :class:`Row`.
        row (Any): What was read, or the error that came instead.
        names (dict): The names of :data:`FIELDS` in the list.

    Returns:
        Row: The row.

    Raises:
        RefDataError: It is not as it should be.
    """
    if isinstance(row, RefDataError):
        raise row
    if not isinstance(row, dict):
        raise RefDataError(f'found {shown(row)}, expected an object with {names["image"]!r} and '
                           f'{names["expression"]!r}')
    missing = [names[field] for field in ('image', 'expression') if names[field] not in row]
    if missing:
        raise RefDataError(f'it has no {" and no ".join(map(repr, missing))}; it has: '
                           f'{", ".join(map(str, row)) or "nothing"} (the option columns gives other names)')
    image, mask, expressions, split, ref_id, foreground, ignore = (row.get(names[field]) for field in FIELDS)
    if not isinstance(image, str) or not image.strip():
        raise RefDataError(f'{names["image"]!r} is {shown(image)}, expected the name of a picture')
    if not isinstance(split, (str, type(None))):
        raise RefDataError(f'{names["split"]!r} is {shown(split)}, expected a text')
    return Row(line, image, _check_mask(mask, names['mask']), _check_expressions(expressions, names['expression']),
               (split or '').strip(), _check_ref_id(ref_id, names['ref_id']),
               _check_foreground(foreground, names['foreground']), _check_ignore(ignore, names['ignore']))


def _check_expressions(expressions: Any, name: str) -> List[str]:
    if isinstance(expressions, str):
        expressions = _texts_of_cell(expressions, name)
    if not isinstance(expressions, list) or not expressions or not all(isinstance(text, str) for text in expressions):
        raise RefDataError(f'{name!r} is {shown(expressions)}, expected a text or a list of texts')
    for text in expressions:
        try:
            text.encode('utf-8')
        except UnicodeEncodeError as error:
            raise RefDataError(f'{name!r} is {shown(text)}, which holds half a character (a surrogate)') from error
    return expressions


def _texts_of_cell(cell: str, name: str) -> List[str]:
    """A cell's text, or the texts of a list that was printed into it."""
    if not re.fullmatch(r'\s*\[\s*["\'].*["\']\s*,?\s*\]\s*', cell, re.S):
        return [cell]
    if re.search(r'(["\'])\s+\1', cell) and not re.search(r'(["\'])\s*,\s*(["\'])', cell):
        raise RefDataError(f'{name!r} is {shown(cell)}, an array as numpy prints it: expected a list with commas')
    found = _literal(cell)
    return found if isinstance(found, list) and found and all(isinstance(text, str) for text in found) else [cell]


def _literal(cell: str) -> Any:
    """Read JSON or Python in a cell; None if it is neither."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(cell.strip()) if len(cell) < 10_000_000 else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _check_mask(mask: Any, name: str) -> Union[None, str, list, dict]:
    if isinstance(mask, (bytes, bytearray)) or isinstance(mask, str) and re.match(r"b['\"]", mask):
        raise RefDataError(f'{name!r} is {shown(mask)}, bytes or bytes printed as text: expected the name of a mask '
                           'file, polygons or RLEs')
    if isinstance(mask, str) and mask.lstrip()[:1] in ('[', '{'):  # a cell of a CSV
        found = _literal(mask)
        if not isinstance(found, (list, dict)):
            if _FILE_NAME.fullmatch(mask):
                return mask
            raise RefDataError(f'{name!r} begins like JSON and is none: {shown(mask)}')
        mask = found
    if not isinstance(mask, (str, list, dict, type(None))):
        raise RefDataError(f'{name!r} is {shown(mask)}, expected the name of a mask file, polygons or RLEs')
    if isinstance(mask, list):
        mask = [mask] if _are_numbers(mask) else mask
        mask = [mask] if _are_pairs(mask) else mask
        mask = [[number for pair in part for number in pair] if _are_pairs(part) else part for part in mask]
    return None if mask == '' else mask


def _are_numbers(value: Any) -> bool:
    return (isinstance(value, list) and bool(value)
            and all(isinstance(number, Real) and not isinstance(number, bool) for number in value))


def _are_pairs(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and _are_numbers(list(pair)) for pair in value)


def _check_ref_id(ref_id: Any, name: str) -> Optional[int]:
    if ref_id is None or ref_id == '':
        return None
    try:
        if isinstance(ref_id, (str, Integral)) and not isinstance(ref_id, bool) and -2**63 <= int(ref_id) < 2**63:
            return int(ref_id)
    except ValueError:
        pass
    raise RefDataError(f'{name!r} is {shown(ref_id)}, expected an integer of at most 64 bits')


def _check_ignore(ignore: Any, name: str) -> Union[None, Tuple[int, ...], list, dict]:
    """Values, where it is an integer; else shapes, as a mask has them."""
    found = _literal(ignore) if isinstance(ignore, str) and ignore else ignore
    if ignore is None or ignore == '' or found == []:
        return None
    if isinstance(found, Integral) and not isinstance(found, bool):
        return (int(found), )
    if not isinstance(found, (list, dict)):
        raise RefDataError(f'{name!r} is {shown(ignore)}, expected a value of the mask file, polygons or RLEs')
    return _check_mask(found, name)


def _check_foreground(foreground: Any, name: str) -> Optional[Tuple[int, ...]]:
    if foreground is None or foreground == '':
        return None
    found = _literal(foreground) if isinstance(foreground, str) else foreground
    values: Sequence = found if isinstance(found, list) else [found]
    if not values or not all(isinstance(value, Integral) and not isinstance(value, bool) for value in values):
        raise RefDataError(f'{name!r} is {shown(foreground)}, expected an integer or a list of integers')
    return tuple(map(int, values))
