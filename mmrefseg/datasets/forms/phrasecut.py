"""PhraseCut: ``refer_SPLIT.json``, a phrase an entry, with the polygons of all its instances."""

from pathlib import Path
from typing import Iterator

from mmrefseg.errors import RefDataError

from .form import Form, FormRow, Source, need, need_list, texts_of
from .json_sources import first_entry, json_files, peek, read

KEYS = ['task_id', 'image_id', 'phrase', 'Polygons']


def matches(path: Path) -> bool:
    """bool: Whether a file, or the first of a folder, is a list of such objects."""
    files = json_files(path)
    entry = first_entry(peek(files[0])) if files else None
    return entry is not None and all(key in entry for key in KEYS)


def read_rows(source: Source) -> Iterator[FormRow]:
    """The phrases; all parts of all instances are one mask, as PhraseCut's protocol has it."""
    for file in json_files(source.path):
        split = file.stem.removeprefix('refer_')
        for number, entry in enumerate(need_list(read(file), str(file))):
            where = f'{file}, entry {number}'
            need(entry, KEYS, where)
            try:
                outlines = [[coordinate for point in part for coordinate in point]
                            for instance in entry['Polygons'] for part in instance]
            except TypeError as error:
                raise RefDataError(f'{where}: expected Polygons[instance][part][[x, y], …]') from error
            yield FormRow(image=f'{entry["image_id"]}.jpg', expressions=texts_of(entry['phrase'], where), mask=outlines,
                          split=split)


FORM = Form('phrasecut', 'PhraseCut', matches, read_rows)
