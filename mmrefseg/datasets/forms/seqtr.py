"""SeqTR and its followers (PolyFormer, SimVG, PropVG): ``instances.json`` with a list of objects a split."""

from pathlib import Path
from typing import Iterator

from mmrefseg.errors import RefDataError

from .form import Form, FormRow, Source, need, need_list, texts_of
from .json_sources import first_entry, peek, read

KEYS = ['image_id', 'expressions']


def matches(path: Path) -> bool:
    """bool: Whether it is an object of splits whose entries have such keys."""
    found = peek(path)
    if not isinstance(found, dict) or not found:
        return False
    entries = [first_entry(value) for value in found.values() if value]
    return bool(entries) and all(entry is not None and all(key in entry for key in KEYS) for entry in entries)


def read_rows(source: Source) -> Iterator[FormRow]:
    """The objects; an image is only an id, of COCO's train2014."""
    for split, entries in need(read(source.path), [], str(source.path)).items():
        for number, entry in enumerate(need_list(entries, f'{source.path}, {split}')):
            where = f'{source.path}, {split}, entry {number}'
            need(entry, KEYS, where)
            if 'mask' not in entry:
                raise RefDataError(f'{where} has a box and no mask: nothing says the shape of its object')
            image = entry['image_id']
            yield FormRow(
                image=image if isinstance(image, str) else f'COCO_train2014_{image:012d}.jpg',
                expressions=texts_of(entry['expressions'], where), mask=entry['mask'], split=split)


FORM = Form('seqtr', "SeqTR's instances.json", matches, read_rows)
