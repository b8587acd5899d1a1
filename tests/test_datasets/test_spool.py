"""What a large list takes beyond memory."""

import errno
import json
import sqlite3

import numpy as np
import pytest
from PIL import Image

from mmrefseg.datasets import spool
from mmrefseg.datasets.triplets import TripletList
from mmrefseg.datasets.triplets.index import read_triplet_index


@pytest.fixture(params=[2**22, 10, 0])
def in_memory(request, monkeypatch):
    monkeypatch.setattr(spool, 'IN_MEMORY', request.param)


def test_bytes_come_back(in_memory):
    found = spool.Spool()
    for content in (b'abc', np.array([1., 2.]).data, b'', b'defghijklmnop'):
        found.write(content)
    assert bytes(found.view()) == b'abc' + np.array([1., 2.]).tobytes() + b'defghijklmnop'
    assert bytes(spool.Spool().view()) == b''


def test_texts_by_number(in_memory):
    texts, expected = spool.SpooledTexts(), {2: b'two', 5: b'', 6: 'süß'.encode(), 900: b'x' * 100}
    for key, text in expected.items():
        texts.put(key, text)
    assert dict(texts) == expected and list(texts.values()) == list(expected.values()) and len(texts) == 4
    assert texts.get(3) is None and 901 not in texts and 900 in texts
    with pytest.raises(KeyError):
        texts[0]


def test_numbers_are_those_of_a_dict():
    generator, numbers, expected = np.random.default_rng(0), spool.Numbering(), {}
    keys = [str(key).encode() for key in generator.integers(0, 3000, 10_000)]
    assert [numbers.number(key) for key in keys] == [expected.setdefault(key, len(expected)) for key in keys]


def test_a_full_disk_is_named(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(spool, 'TemporaryFile', full)
    monkeypatch.setattr(spool, 'IN_MEMORY', 10)
    with pytest.raises(OSError, match='TMPDIR names: No space left') as error:
        spool.Spool().write(b'x' * 11)
    assert error.value.errno == errno.ENOSPC
    numbers = spool.Numbering()
    numbers._base.execute('PRAGMA max_page_count = 3')
    with pytest.raises(OSError, match='TMPDIR names: database or disk is full') as error:
        for key in range(10_000):
            numbers.number(str(key).encode())
    assert isinstance(error.value.__cause__, sqlite3.OperationalError)


def test_a_list_on_disk_is_the_list_in_memory(tmp_path, monkeypatch):
    """Of outlines, RLEs, mask files, shapes to ignore and refs whose rows lie apart."""
    for name in ('a', 'b'):
        Image.new('RGB', (8, 6)).save(tmp_path / f'{name}.jpg')
        Image.fromarray(np.eye(6, 8, dtype=np.uint8) * 5).save(tmp_path / f'{name}.png')
    masks = [[[1., 1, 5, 1, 5, 4]], dict(size=[6, 8], counts=[0, 8, 40]), 'b.png', None, [[0., 0, 7, 0, 7, 5]]]
    rows = [dict(image='ab'[number % 2] + '.jpg', expression=[f'größe {number}'] * (number % 3 + 1),
                 mask=masks[number % 5], split='train' if number % 4 else 'val',
                 ignore=[[0., 0, 2, 0, 2, 2]] if number % 7 == 0 else None) for number in range(60)]
    for row in rows:
        if row['mask'] == 'b.png':
            row['image'] = 'b.jpg'
    path = tmp_path / 'list.jsonl'
    path.write_text('\n'.join(map(json.dumps, rows)))
    triplets = TripletList(str(path), str(tmp_path), str(tmp_path))
    expected = read_triplet_index(triplets).to_arrays()
    monkeypatch.setattr(spool, 'IN_MEMORY', 0)
    found = read_triplet_index(triplets).to_arrays()
    assert len(expected['ref_id']) > 20 and len(expected['rle_counts']) and len(expected['coordinates'])
    for name, array in expected.items():
        assert array.dtype == found[name].dtype and np.array_equal(array, found[name]), name
