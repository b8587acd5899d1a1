"""MDETR, GLIP: COCO-like JSON where each sentence has an image entry of its own."""

from pathlib import Path
from typing import Iterator

from mmrefseg.errors import RefDataError

from .form import Form, FormRow, Source, need, need_list, texts_of
from .json_sources import first_entry, json_files, peek, read


def matches(path: Path) -> bool:
    """bool: Whether images have captions, and annotations say which words are theirs."""
    files = json_files(path)
    found = peek(files[0]) if files else None
    if not isinstance(found, dict):
        return False
    image, annotation = (first_entry(found.get(key)) for key in ('images', 'annotations'))
    return image is not None and annotation is not None and 'caption' in image and 'tokens_positive' in annotation


def split_of(file: Path) -> str:
    """str: A file's split: 'finetune_refcoco+_testA.json' and 'val.json' name it last."""
    return file.stem.rsplit('_', 1)[-1]


def read_rows(source: Source) -> Iterator[FormRow]:
    """The sentences; entries of the same ``original_id`` or file are one image."""
    for file in json_files(source.path):
        content = need(read(file), ['images', 'annotations'], str(file))
        images = {need(image, ['id', 'caption', 'file_name'], f'{file}, an image')['id']: image
                  for image in need_list(content['images'], f'{file}, images')}
        for number, annotation in enumerate(need_list(content['annotations'], f'{file}, annotations')):
            where = f'{file}, annotation {number}'
            need(annotation, ['image_id'], where)
            if not annotation.get('segmentation'):
                raise RefDataError(f'{where} has a box and no segmentation: nothing says the shape of its object')
            if annotation['image_id'] not in images:
                raise RefDataError(f'{where}: its image {annotation["image_id"]!r} is not there')
            image = images[annotation['image_id']]
            yield FormRow(image=image['file_name'], expressions=texts_of(image['caption'], where),
                          mask=annotation['segmentation'], split=split_of(file))


FORM = Form('mdetr', "MDETR's and GLIP's COCO-like JSON", matches, read_rows)
