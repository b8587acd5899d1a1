"""ReasonSeg: a JSON an image, with questions (``text``), ``is_sentence`` and outlines ``target`` or ``ignore``."""

from pathlib import Path
from typing import Iterator

from mmrefseg.errors import RefDataError

from ..refer_format.plain_json import read_json
from .form import Form, FormRow, Source, need, texts_of
from .json_sources import json_files
from .labelme import outline_of

ENDINGS = ('.jpg', '.jpeg', '.png')


def read_loose(file: Path) -> dict:
    """dict: A JSON file; of the published ones some are written in Windows' code page.

    Raises:
        RefDataError: See :func:`read_json`; or it is something else than an object.
    """
    try:
        found = read_json(file)
    except RefDataError:
        try:
            found = read_json(file, encoding='cp1252')
        except UnicodeDecodeError as error:
            raise RefDataError(f'{file} is neither UTF-8 nor of the code page 1252: {error}') from error
    return need(found, ['text', 'shapes'], str(file))


def matches(path: Path) -> bool:
    """bool: Whether the first JSON has questions, and shapes with labels."""
    files = json_files(path)
    try:
        found = read_loose(files[0]) if files else {}
    except RefDataError:
        return False
    return 'is_sentence' in found and isinstance(found.get('shapes'), list)


def read_rows(source: Source) -> Iterator[FormRow]:
    """The images: all targets are one object; without one the mask is empty, as of two of the published test set."""
    for file in json_files(source.path):
        content = read_loose(file)
        split = file.parent.name if source.path.is_dir() and file.parent != source.path else ''
        image = next((file.with_suffix(ending).name for ending in ENDINGS if file.with_suffix(ending).is_file()), None)
        prefix = f'{split}/' if split else ''
        shapes = [(shape, f'{file}, shape {number}') for number, shape in enumerate(content['shapes'])]
        yield FormRow(
            image=prefix + (image or f'{file.stem}.jpg'), expressions=texts_of(content['text'], str(file)), split=split,
            mask=[outline_of(shape, where) for shape, where in shapes if 'ignore' not in need(
                shape, ['label'], where)['label'].lower()],
            ignore=[outline_of(shape, where) for shape, where in shapes if 'ignore' in shape['label'].lower()])


FORM = Form('reasonseg', 'ReasonSeg', matches, read_rows)
