"""Parquet of Hugging Face: jxu124's columns, lmms-lab's, or others by name. Needs pyarrow."""

import json
import os
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List

from mmrefseg.errors import RefDataError, shown

from ..triplets.parquet import open_parquet, parquet_columns
from .form import Form, FormRow, Source, texts_of

JXU124 = {'raw_anns', 'raw_image_info', 'sentences'}
LMMS_LAB = {'question_id', 'answer', 'segmentation'}


def files_of(path: Path) -> List[Path]:
    """list[Path]: A parquet file, or those of a folder and below it, sorted."""
    return [path] if path.is_file() else sorted(path.rglob('*.parquet'))


def matches(path: Path) -> bool:
    """bool: Whether it is a parquet file, or a folder of some."""
    files = files_of(path)
    return bool(files) and files[0].suffix.lower() == '.parquet'


def split_of(file: Path) -> str:
    """str: A file's split, 'val' of 'val-00000-of-00001.parquet'."""
    return re.sub(r'-\d+-of-\d+$', '', file.stem)


def read_rows(source: Source) -> Iterator[FormRow]:
    """The refs; images inside the file come with their content.

    Raises:
        RefDataError: pyarrow is missing, a file cannot be read, or its columns are unknown and not named.
    """
    for file in files_of(source.path):
        columns = set(parquet_columns(str(file)))
        if source.columns:
            read = _read_named
        elif JXU124 <= columns:
            read = _read_jxu124
        elif LMMS_LAB <= columns:
            read = _read_lmms
        else:
            raise RefDataError(f'{file} has the columns {", ".join(sorted(columns))}: say which is which, '
                               '--columns image=NAME expression=NAME mask=NAME [split=NAME]')
        for number, row in open_parquet(str(file)):
            where = f'{file}, row {number}'
            try:
                yield read(row, where, split_of(file), source.columns)
            except (KeyError, TypeError, AttributeError, IndexError, RecursionError, ValueError) as error:
                if isinstance(error, RefDataError):
                    raise
                raise RefDataError(f'{where} is not as expected ({type(error).__name__}: {error})') from error


def _object(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _read_jxu124(row: Dict, where: str, split: str, columns: Dict) -> FormRow:
    """``file_name`` is no file: the image's name is in its info, or ``image_path``. ``bbox`` is xyxy, and not read."""
    annotation, info = _object(row['raw_anns']), _object(row['raw_image_info'])
    name = info.get('file_name') or os.path.basename(row['image_path'])
    said = [sentence['raw'] if isinstance(sentence, dict) else sentence for sentence in row['sentences']]
    return FormRow(image=name, expressions=texts_of(said, where), mask=annotation['segmentation'],
                   split=row.get('split') or split, ref_id=row.get('ref_id'))


def _read_lmms(row: Dict, where: str, split: str, columns: Dict) -> FormRow:
    """The sentences are ``answer``; ``question`` is one prompt for all."""
    image = row.get('image') or {}
    name = os.path.basename((image.get('path') if isinstance(image, dict) else None) or _image_of(row['file_name']))
    return FormRow(image=name, expressions=texts_of(row['answer'], where), mask=_outlines(row['segmentation']),
                   split=split, content=image.get('bytes') if isinstance(image, dict) else None)


def _image_of(file_name: str) -> str:
    """'COCO_train2014_000000581857_16.jpg' ends with the annotation's number, which the image's file does not have."""
    return re.sub(r'^(COCO_\w+?_\d{12})_\d+(\.\w+)$', r'\1\2', file_name)


def _outlines(segmentation: Any) -> Any:
    return [segmentation] if segmentation and not isinstance(segmentation[0], (list, dict)) else segmentation


def _read_named(row: Dict, where: str, split: str, columns: Dict) -> FormRow:
    image, said, mask = (row[columns.get(key, key)] for key in ('image', 'expression', 'mask'))
    content = mask_content = None
    if isinstance(image, dict):
        content, image = image.get('bytes'), os.path.basename(image.get('path') or '') or f'{where.split()[-1]}.jpg'
    if isinstance(mask, dict) and 'bytes' in mask:
        mask_content, mask = mask['bytes'], f'{where.split()[-1]}_{split}.png'
    mask = _object(mask) if isinstance(mask, str) and mask[:1] in '[{' else mask
    if not isinstance(image, str):
        raise RefDataError(f'{where}: its image is {shown(image)}, expected a name, or bytes and path')
    return FormRow(image=image, expressions=texts_of(said, where), mask=_outlines(mask) if isinstance(
        mask, list) else mask, split=row.get(columns.get('split', 'split')) or split, content=content,
        mask_content=mask_content)


FORM = Form('parquet', 'parquet of Hugging Face', matches, read_rows)
