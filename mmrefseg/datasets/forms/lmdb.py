"""CRIS' LMDB: pickled records ``img, mask, img_name, seg_id, sents``. Needs lmdb."""

import io
import pickle
from pathlib import Path
from typing import Iterator

from mmrefseg.errors import RefDataError, shown

from ..refer_format.pickle_scan import check_memory
from ..refer_format.restricted_pickle import ReferUnpickler
from .form import Form, FormRow, Source, need, texts_of

KEYS = ['img', 'mask', 'img_name', 'sents']
#: Records beside the samples.
OTHERS = (b'__keys__', b'__len__')


def matches(path: Path) -> bool:
    """bool: Whether it is an LMDB file, by its magic number, or a folder with one."""
    file = path / 'data.mdb' if path.is_dir() else path
    try:
        with open(file, 'rb') as opened:
            return opened.read(20)[16:20] == b'\xde\xc0\xef\xbe'
    except OSError:
        return False


def load_record(content: bytes, where: str) -> dict:
    """Read a record.

    Args:
        content (bytes): A pickle.
        where (str): Says in the error where it stands.

    Returns:
        dict: The record.

    Raises:
        RefDataError: It asks for more than plain containers, text and numbers, or is no pickle, as those are that
            ``pyarrow.serialize`` wrote.
    """
    if content[:1] != b'\x80':
        raise RefDataError(f'{where} is no pickle. Older copies of CRIS wrote their LMDB with pyarrow.serialize, which '
                           'pyarrow has dropped: make it again from JSON and masks, or read it with pyarrow 11')
    check_memory(content, where)
    try:
        found = ReferUnpickler(io.BytesIO(content), where).load()
    except RefDataError:
        raise
    except (pickle.UnpicklingError, EOFError, ValueError, AttributeError, IndexError, KeyError, TypeError,
            MemoryError) as error:
        raise RefDataError(f'{where} is no readable pickle ({type(error).__name__}: {error})') from error
    return need(found, KEYS, where)


def read_rows(source: Source) -> Iterator[FormRow]:
    """The refs, whose images and masks lie in the records; the file's name is the split."""
    try:
        import lmdb
    except ImportError as error:
        raise RefDataError(f'{source.path} is an LMDB: pip install -r requirements/parquet.txt') from error
    try:
        opened = lmdb.open(str(source.path), subdir=source.path.is_dir(), readonly=True, lock=False, readahead=False)
        with opened, opened.begin() as transaction:
            for key, content in transaction.cursor():
                if key in OTHERS:
                    continue
                where = f'{source.path}, record {shown(key)}'
                record = load_record(bytes(content), where)
                image, mask = record['img'], record['mask']
                if not (isinstance(image, bytes) and isinstance(mask, bytes) and isinstance(record['img_name'], str)):
                    raise RefDataError(f'{where}: expected img and mask as bytes of files, and img_name as text')
                name = record.get('seg_id', key.decode('ascii', 'replace'))
                yield FormRow(image=record['img_name'], expressions=texts_of(record['sents'], where), content=image,
                              mask=f'{source.path.stem}_{name}.png', mask_content=mask, split=source.path.stem)
    except lmdb.Error as error:
        raise RefDataError(f'{source.path} is no readable LMDB: {error}') from error


FORM = Form('lmdb', "CRIS' LMDB", matches, read_rows)
