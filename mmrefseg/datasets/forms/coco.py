"""COCO exports (Roboflow, CVAT, Label Studio, …) with the sentence in an attribute, a caption or the category."""

from pathlib import Path
from typing import Any, Iterator, Optional

from mmrefseg.errors import RefDataError

from .form import Form, FormRow, Source, need, need_list, texts_of
from .json_sources import first_entry, json_files, peek, read

#: Where a sentence may stand in an annotation, or in its attributes or extra fields.
TEXT_KEYS = ('expression', 'expressions', 'sentence', 'sentences', 'caption', 'captions', 'referring_expression',
             'description', 'phrase', 'text')


def matches(path: Path) -> bool:
    """bool: Whether it has COCO's three lists."""
    files = json_files(path)
    found = peek(files[0]) if files else None
    return isinstance(found, dict) and first_entry(found.get('images')) is not None and isinstance(
        found.get('annotations'), list) and 'file_name' in first_entry(found['images'])


def text_of(annotation: dict, key: Optional[str]) -> Any:
    """str | list | None: What an annotation says of its object, in the named key or in the usual ones."""
    places = [annotation, *(annotation[name] for name in ('attributes', 'extra') if isinstance(
        annotation.get(name), dict))]
    for place in places:
        for name in [key] if key else TEXT_KEYS:
            if place.get(name):
                return place[name]
    return None


def read_rows(source: Source) -> Iterator[FormRow]:
    """The annotations; crowds are masks like others. Without a sentence the category's name is one."""
    for file in json_files(source.path):
        content = need(read(file), ['images', 'annotations'], str(file))
        images = {need(image, ['id', 'file_name'], f'{file}, an image')['id']: image
                  for image in need_list(content['images'], f'{file}, images')}
        categories = need_list(content.get('categories') or [], f'{file}, categories')
        names = {need(category, ['id', 'name'], f'{file}, a category')['id']: category['name']
                 for category in categories}
        for number, annotation in enumerate(need_list(content['annotations'], f'{file}, annotations')):
            where = f'{file}, annotation {number}'
            need(annotation, ['image_id'], where)
            if not annotation.get('segmentation'):
                raise RefDataError(f'{where} has a box and no segmentation: nothing says the shape of its object')
            if annotation['image_id'] not in images:
                raise RefDataError(f'{where}: its image {annotation["image_id"]!r} is not there')
            image = images[annotation['image_id']]
            text = text_of(annotation, source.columns.get('expression')) or names.get(annotation.get('category_id'))
            split = annotation.get('split') or image.get('split') or (file.parent.name if source.path.is_dir(
            ) and file.parent != source.path else '')
            # Roboflow has a folder a split, each with its images
            prefix = f'{file.parent.name}/' if source.path.is_dir() and file.parent != source.path else ''
            yield FormRow(image=prefix + image['file_name'], expressions=texts_of(text, where),
                          mask=annotation['segmentation'], split=split)


FORM = Form('coco', 'a COCO export', matches, read_rows)
