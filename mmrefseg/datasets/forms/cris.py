"""CRIS, ETRIS, DETRIS: ``anns/SET/SPLIT.json`` and ``masks/SET/SEGMENT_ID.png``, as their ``data_process.py`` makes."""

from pathlib import Path
from typing import Iterator, Optional

from .form import Form, FormRow, Source, need, need_list, texts_of
from .json_sources import first_entry, json_files, peek, read

KEYS = ['segment_id', 'img_name', 'sentences']


def matches(path: Path) -> bool:
    """bool: Whether a file, or the first of a folder, is a list of such objects."""
    files = json_files(path)
    entry = first_entry(peek(files[0])) if files else None
    return entry is not None and all(key in entry for key in KEYS)


def masks_folder(path: Path) -> Optional[Path]:
    """Path | None: ``masks/SET`` beside ``anns``."""
    folder = path.parent if path.is_file() else path
    found = folder.parent.parent / 'masks' / folder.name
    return found if found.is_dir() else None


def read_rows(source: Source) -> Iterator[FormRow]:
    """The refs: a mask's name is the ref's id, and the split is the file's name."""
    for file in json_files(source.path):
        for number, entry in enumerate(need_list(read(file), str(file))):
            where = f'{file}, entry {number}'
            need(entry, KEYS, where)
            said = [need(sentence, ['sent'], where)['sent'] for sentence in need_list(entry['sentences'], where)]
            yield FormRow(
                image=entry['img_name'], expressions=texts_of(said, where), mask=f'{entry["segment_id"]}.png',
                split=file.stem, ref_id=entry['segment_id'])


FORM = Form('cris', 'CRIS, ETRIS, DETRIS: JSON and masks', matches, read_rows, masks_folder)
