"""ReasonSeg: a JSON an image, with questions (``text``), ``is_sentence`` and outlines ``target`` or ``ignore``."""

from pathlib import Path
from typing import Iterator

import cv2
import numpy as np

from mmrefseg.errors import RefDataError

from ..image_header import read_header
from ..masks.decode import decode_segmentation
from ..masks.files import encode_mask
from ..refer_format.plain_json import read_json
from .form import Form, FormRow, Source, need, need_list, texts_of
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


def draw(shapes: list, height: int, width: int) -> np.ndarray:
    """Draw the outlines as LISA's code does, which differs from COCO's polygons along the edges.

    Args:
        shapes (list[tuple]): Label and outline ``[x0, y0, x1, y1, …]`` of each.
        height (int): H, of the image.
        width (int): W, of the image.

    Returns:
        np.ndarray: (H, W) uint8, 1 = target, 255 = ignored; the larger are drawn first, each with its outline.
    """
    def paint(canvas: np.ndarray, outline: list, value: int) -> np.ndarray:
        points = np.array(outline, np.float64).reshape(1, -1, 2).astype(np.int32)
        cv2.polylines(canvas, points, True, value, 1)
        return cv2.fillPoly(canvas, points, value)

    areas = [int(paint(np.zeros((height, width), np.uint8), outline, 1).sum()) for _, outline in shapes]
    mask = np.zeros((height, width), np.uint8)
    for row in np.argsort(areas, kind='stable')[::-1].tolist():
        label, outline = shapes[row]
        paint(mask, outline, 255 if 'ignore' in label else 1)
    return mask


def read_rows(source: Source) -> Iterator[FormRow]:
    """The images: all targets are one object; without one the mask is empty, as of two of the published test set."""
    for file in json_files(source.path):
        content = read_loose(file)
        split = file.parent.name if source.path.is_dir() and file.parent != source.path else ''
        image = next((path for ending in ENDINGS if (path := file.with_suffix(ending)).is_file()), None)
        if image is None:
            raise RefDataError(f'{file}: its image is missing beside it, {file.stem}.jpg')
        header = read_header(str(image), f'its image {image}')
        shapes = []
        for number, shape in enumerate(need_list(content['shapes'], f'{file}, shapes')):
            where = f'{file}, shape {number}'
            label = str(need(shape, ['label'], where)['label']).lower()
            if label != 'flag':  # a mark for the labellers
                outline = outline_of(shape, where)
                try:  # coordinates and lengths
                    decode_segmentation([outline], header.height, header.width)
                except RefDataError as error:
                    raise RefDataError(f'{where}: {error}') from error
                shapes.append((label, outline))
        drawn = draw(shapes, header.height, header.width)
        yield FormRow(
            image=f'{split}/{image.name}' if split else image.name, expressions=texts_of(content['text'], str(file)),
            mask=encode_mask(drawn == 1) if (drawn == 1).any() else [], split=split,
            ignore=[encode_mask(drawn == 255)] if (drawn == 255).any() else [])


FORM = Form('reasonseg', 'ReasonSeg', matches, read_rows)
