"""Label Studio's JSON: brushes as byte code, polygons in percent of the image."""

import os
from pathlib import Path
from typing import Iterator
from urllib.parse import parse_qs, unquote, urlparse

from mmrefseg.errors import RefDataError

from ..masks.files import encode_mask
from .form import Form, FormRow, Source, need, need_list, texts_of
from .json_sources import first_entry, peek, read
from .label_studio_brush import read_brush

LABELS = ('brushlabels', 'polygonlabels', 'labels')
SHAPES = ('brushlabels', 'polygonlabels', 'brush', 'polygon')


def matches(path: Path) -> bool:
    """bool: Whether it is a list of tasks with annotations of results."""
    entry = first_entry(peek(path))
    return entry is not None and 'data' in entry and isinstance(entry.get('annotations'), list)


def image_name(task: dict, where: str) -> str:
    """str: Name of the file that a task's address means, without what Label Studio puts before an upload's name.

    Raises:
        RefDataError: The task's data have no image.
    """
    data = need(need(task, ['data'], where)['data'], [], f'{where}, its data')
    address = next((value for key, value in data.items() if isinstance(value, str) and (
        key == 'image' or value.lower().endswith(('.jpg', '.jpeg', '.png')))), None)
    if address is None:
        raise RefDataError(f'{where}: its data have no image')
    parts = urlparse(address)
    path = parse_qs(parts.query).get('d', [parts.path])[0]  # /data/local-files/?d=folder/a.png
    name = os.path.basename(unquote(path))
    start, _, rest = name.partition('-')
    return rest if '/upload/' in parts.path and len(start) == 8 and rest else name


def read_rows(source: Source) -> Iterator[FormRow]:
    """The regions; the expression is the text of the region, else its label."""
    for number, task in enumerate(need_list(read(source.path), str(source.path))):
        where = f'{source.path}, task {task.get("id", number) if isinstance(task, dict) else number}'
        name = image_name(need(task, ['annotations'], where), where)
        for annotation in need_list(task['annotations'], where):
            results = need_list(need(annotation, ['result'], where)['result'], where)
            said = {one.get('id'): one['value'].get('text') for one in results
                    if isinstance(one, dict) and isinstance(one.get('value'), dict) and one.get('type') == 'textarea'}
            for one in results:
                if not isinstance(one, dict) or one.get('type') not in (*SHAPES, 'rectanglelabels'):
                    continue
                need(one, ['value', 'original_width', 'original_height'], where)
                value, height, width = one['value'], one['original_height'], one['original_width']
                label = next((value[key] for key in LABELS if value.get(key)), None)
                text = said.get(one.get('id')) or (one.get('meta') or {}).get('text') or label
                yield FormRow(image=name, expressions=texts_of(text, where), mask=_mask(value, height, width, where))


def _mask(value: dict, height: int, width: int, where: str):
    if value.get('format') == 'rle' or 'rle' in value:
        try:
            return encode_mask(read_brush(value.get('rle'), height, width))
        except RefDataError as error:
            raise RefDataError(f'{where}: {error}') from error
    points = value.get('points')
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise RefDataError(f'{where}: expected a brush or a polygon, which says the shape of the object')
    return [[number for x, y in points for number in (x * width / 100, y * height / 100)]]


FORM = Form('labelstudio', "Label Studio's JSON", matches, read_rows)
