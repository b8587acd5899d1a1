"""PolyFormer's TSV: no header; id, image's id, sentence, box, outline, image and mask in base64."""

import base64
import binascii
import csv
from pathlib import Path
from typing import Iterator

from mmrefseg.errors import RefDataError

from ..file_names import check_regular
from ..triplets.rows import MAX_CELL
from .form import Form, FormRow, Source, texts_of

COLUMNS = 8


def _open(path: Path):
    return open(path, encoding='utf-8-sig', newline='')


def matches(path: Path) -> bool:
    """bool: Whether the first line has such columns."""
    if path.suffix.lower() != '.tsv' or not path.is_file():
        return False
    try:
        with _open(path) as file:
            cells = file.readline(MAX_CELL).rstrip('\n').split('\t')
    except (OSError, UnicodeDecodeError):
        return False
    return len(cells) >= 7 and cells[3].count(',') == 3 and ',' in cells[4]


def _decode(cell: str, what: str, where: str) -> bytes:
    try:
        return base64.b64decode(cell, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefDataError(f'{where}: its {what} is no base64: {error}') from error


def read_rows(source: Source) -> Iterator[FormRow]:
    """The sentences, with their images and masks, which lie in the file; its name ends with the split."""
    path, split = source.path, source.path.stem.rsplit('_', 1)[-1]
    limit = csv.field_size_limit(MAX_CELL)
    try:
        check_regular(str(path), 'the file')
        with _open(path) as file:
            for line, cells in enumerate(csv.reader(file, delimiter='\t', quoting=csv.QUOTE_NONE), 1):
                where = f'{path}, line {line}'
                if len(cells) < 7:
                    raise RefDataError(f'{where} has {len(cells)} cells, expected {COLUMNS}')
                content, mask = (_decode(cells[column], what, where) for column, what in ((5, 'image'), (6, 'mask')))
                ending = 'png' if content[:4] == b'\x89PNG' else 'jpg'
                yield FormRow(image=f'{cells[1]}.{ending}', expressions=texts_of(cells[2], where), split=split,
                              mask=f'{cells[0]}.png', content=content, mask_content=mask)
    except OSError as error:
        raise RefDataError(f'{path} cannot be read: {error.strerror}') from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RefDataError(f'{path} cannot be read: {error}') from error
    finally:
        csv.field_size_limit(limit)


FORM = Form('polyformer', "PolyFormer's TSV", matches, read_rows)
