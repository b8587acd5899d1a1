"""labelme: a JSON an image, whose shapes have the expression as description or label."""

from pathlib import Path
from typing import Iterator

from mmrefseg.errors import RefDataError

from .form import Form, FormRow, Source, need, need_list, texts_of
from .json_sources import json_files, peek, read


def matches(path: Path) -> bool:
    """bool: Whether the first JSON has shapes and the path of an image."""
    files = json_files(path)
    found = peek(files[0]) if files else None
    return isinstance(found, dict) and 'shapes' in found and 'imagePath' in found


def outline_of(shape: dict, where: str) -> list:
    """list: A shape's outline ``[x0, y0, x1, y1, …]``.

    Raises:
        RefDataError: It is no polygon.
    """
    kind = shape.get('shape_type') or 'polygon'
    points = need(shape, ['points'], where)['points']
    if kind != 'polygon':
        raise RefDataError(f'{where} is a {kind}, expected a polygon, which says the shape of the object')
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise RefDataError(f'{where}: expected points [[x, y], …]')
    return [coordinate for point in points for coordinate in point]


def read_rows(source: Source) -> Iterator[FormRow]:
    """The objects; shapes of one ``group_id`` and expression are pieces of one."""
    for file in json_files(source.path):
        content = need(read(file), ['shapes', 'imagePath'], str(file))
        split = file.parent.name if file.parent != source.path and source.path.is_dir() else ''
        objects = {}
        for number, shape in enumerate(need_list(content['shapes'], f'{file}, shapes')):
            where = f'{file}, shape {number}'
            text = texts_of(need(shape, ['label'], where).get('description') or shape['label'], where)
            group = shape.get('group_id')
            key = (number, None) if group is None else (group, tuple(text))
            objects.setdefault(key, (text, []))[1].append(outline_of(shape, where))
        # Relative to wherever the JSON once was: the image lies beside it, or in the folder of images.
        name = content['imagePath'].replace('\\', '/').rsplit('/', 1)[-1]
        prefix = '' if not split else f'{split}/'
        for text, outlines in objects.values():
            yield FormRow(image=prefix + name, expressions=text, mask=outlines, split=split)


FORM = Form('labelme', 'labelme', matches, read_rows)
