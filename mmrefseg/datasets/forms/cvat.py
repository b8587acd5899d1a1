"""CVAT for images 1.1: XML with polygons, and masks as run lengths inside a box."""

from pathlib import Path
from typing import Iterator, List
from xml.etree import ElementTree

import numpy as np

from mmrefseg.errors import RefDataError

from ..budget import check_pixels
from ..file_names import check_regular
from ..masks.files import encode_mask
from .coco import TEXT_KEYS
from .form import Form, FormRow, Source, texts_of


def read_xml(path: Path) -> ElementTree.Element:
    """Read an XML file that defines no entities of its own, which could expand without end.

    Raises:
        RefDataError: It cannot be read, is no XML, or defines some.
    """
    try:
        check_regular(str(path), 'the file')
        content = path.read_bytes()
    except OSError as error:
        raise RefDataError(f'{path} cannot be read: {error.strerror}') from error
    if b'<!DOCTYPE' in content or b'<!ENTITY' in content:
        raise RefDataError(f'{path} defines entities of its own (DOCTYPE), which no export needs: refused')
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise RefDataError(f'{path} is no readable XML: {error}') from error


def matches(path: Path) -> bool:
    """bool: Whether it is XML with annotations of images."""
    if path.suffix.lower() != '.xml' or not path.is_file():
        return False
    try:
        root = read_xml(path)
    except RefDataError:
        return False
    return root.tag == 'annotations' and root.find('image') is not None


def read_rows(source: Source) -> Iterator[FormRow]:
    """The shapes; the expression is their attribute of that name (or caption, text, …), else their label."""
    for image in read_xml(source.path).iter('image'):
        name = image.get('name') or ''
        for shape in image:
            where = f'{source.path}, image {name}, {shape.tag}'
            if shape.tag == 'polygon':
                mask = [_numbers(shape, 'points', where, ';,', float)]
            elif shape.tag == 'mask':
                mask = _read_runs(image, shape, where)
            elif shape.tag in ('tag', 'attribute'):
                continue
            else:
                raise RefDataError(f'{where}: expected a polygon or a mask, which says the shape of the object')
            wanted = [source.columns['expression']] if 'expression' in source.columns else TEXT_KEYS
            attributes = {one.get('name'): one.text for one in shape.iter('attribute') if one.text}
            text = next((attributes[key] for key in wanted if key in attributes), shape.get('label'))
            yield FormRow(image=name, expressions=texts_of(text, where), mask=mask, split=image.get('subset') or '')


def _numbers(element: ElementTree.Element, key: str, where: str, signs: str, kind: type) -> List[float]:
    text = element.get(key) or ''
    for sign in signs:
        text = text.replace(sign, ' ')
    try:
        return [kind(number) for number in text.split()]
    except ValueError as error:
        raise RefDataError(f'{where}: {key} holds something else than numbers: {error}') from error


def _read_runs(image: ElementTree.Element, shape: ElementTree.Element, where: str) -> dict:
    """Run lengths of 0 and 1 in turn, row by row, inside a box."""
    (height, ), (width, ) = (_numbers(image, key, where, '', int) for key in ('height', 'width'))
    runs = _numbers(shape, 'rle', where, ',', int)
    try:
        left, top, columns, rows = (
            _numbers(shape, key, where, '', int)[0] for key in ('left', 'top', 'width', 'height'))
    except IndexError as error:
        raise RefDataError(f'{where} has no left, top, width and height') from error
    check_pixels(height, width, where)
    if sum(runs) != rows * columns or min(runs, default=0) < 0 or not (
            0 <= left <= width - columns and 0 <= top <= height - rows):
        raise RefDataError(f'{where}: {sum(runs)} pixels of run lengths in a box of {columns}x{rows} at {left}, {top} '
                           f'of an image of {width}x{height} (width x height)')
    mask = np.zeros((height, width), np.uint8)
    mask[top:top + rows, left:left + columns] = np.repeat(np.arange(len(runs)) % 2, runs).reshape(rows, columns)
    return encode_mask(mask)


FORM = Form('cvat', 'CVAT for images 1.1', matches, read_rows)
