"""Files of data that ask for too much, lead elsewhere or never end: refused before they are opened or decoded."""

import io
import os
import pickle
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from refer_toy import toy, write_toy
from triplet_toy import HEIGHT, WIDTH, rows, write_list, write_toy_images

from mmrefseg.datasets import ReferDataset, TripletListDataset, decode_segmentation, load_refer_pickle, read_refer_index
from mmrefseg.datasets.budget import limit
from mmrefseg.datasets.refer_format.pickle_scan import check_memory
from mmrefseg.datasets.transforms import LoadRefAnnotations, LoadRefImage
from mmrefseg.errors import RefDataError


def png_bomb(path, side: int, bits: int = 8, colour: int = 0) -> None:
    """A PNG of a few bytes whose header states a huge image."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    header = struct.pack('>IIBBBBB', side, side, bits, colour, 0, 0, 0)
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(bytes(1000)))
                     + chunk(b'IEND', b''))


def bmp_bomb(path, side: int) -> None:
    path.write_bytes(b'BM' + struct.pack('<IHHI', 54, 0, 0, 54)
                     + struct.pack('<IiiHHIIiiII', 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(100))


def tiff_bomb(path, side: int, bits: int, samples: int) -> None:
    """A TIFF of a type that Pillow does not know: its tags are read all the same."""
    entries = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, 1),
               (273, 4, 1, 200), (277, 3, 1, samples), (278, 4, 1, side), (279, 4, 1, 10), (339, 3, 1, 3)]
    path.write_bytes(b'II*\0' + struct.pack('<IH', 8, len(entries))
                     + b''.join(struct.pack('<HHII', *entry) for entry in entries) + bytes(100))


@pytest.mark.parametrize('write', [
    lambda path: png_bomb(path, 20000), lambda path: png_bomb(path, 9000), lambda path: png_bomb(path, 8000, 16, 6),
    lambda path: bmp_bomb(path, 12000), lambda path: tiff_bomb(path, 9000, 8, 1),
    lambda path: tiff_bomb(path, 6000, 64, 4)])
@pytest.mark.parametrize('check_size', [True, False])
def test_images_that_expand(tmp_path, write, check_size):
    path = tmp_path / 'a.img'
    write(path)
    if 'MMREFSEG_MAX_PIXELS' in os.environ:
        pytest.skip('the budget is another one')
    with pytest.raises(RefDataError, match=r'a\.img.*asks for [\d,]+ (pixels|bytes), at most [\d,]+ are taken'):
        LoadRefImage(check_size=check_size).transform(dict(img_path=str(path)))


def test_header_is_held_against_the_annotation_first(tmp_path):
    png_bomb(tmp_path / 'a.png', 3000)
    with pytest.raises(RefDataError, match='is 3000x3000 .* annotations say 40x50'):
        LoadRefImage().transform(dict(img_path=str(tmp_path / 'a.png'), height=40, width=50))


def test_budget_is_an_option(tmp_path, monkeypatch):
    Image.new('L', (60, 50)).save(tmp_path / 'a.png')
    monkeypatch.setenv('MMREFSEG_MAX_PIXELS', '2999')
    with pytest.raises(RefDataError, match='3,000 pixels, at most 2,999.*MMREFSEG_MAX_PIXELS'):
        LoadRefImage().transform(dict(img_path=str(tmp_path / 'a.png')))
    monkeypatch.setenv('MMREFSEG_MAX_PIXELS', '3000')
    assert LoadRefImage().transform(dict(img_path=str(tmp_path / 'a.png')))['img'].shape == (50, 60, 3)
    monkeypatch.setenv('MMREFSEG_MAX_PIXELS', 'many')
    with pytest.raises(RefDataError, match="MMREFSEG_MAX_PIXELS is 'many', expected a positive integer"):
        limit('MAX_PIXELS')


@pytest.mark.parametrize('kind', ['pipe', 'folder', 'sparse'])
def test_what_is_no_file_is_not_opened(tmp_path, kind):
    path = tmp_path / 'a.png'
    if kind == 'pipe':
        os.mkfifo(path)
    elif kind == 'folder':
        path.mkdir()
    else:
        with open(path, 'wb') as file:
            file.truncate(10**10)
    with pytest.raises(RefDataError, match='a pipe|a folder|asks for 10,000,000,000 bytes'):
        LoadRefImage().transform(dict(img_path=str(path)))
    write_toy(tmp_path, images=False)
    for name in ('instances.json', 'refs(unc).p') if kind == 'pipe' else ():
        content = (tmp_path / 'toy' / name).read_bytes()
        (tmp_path / 'toy' / name).unlink()
        os.mkfifo(tmp_path / 'toy' / name)
        with pytest.raises(RefDataError, match='a pipe'):
            read_refer_index(tmp_path / 'toy/instances.json', tmp_path / 'toy/refs(unc).p')
        (tmp_path / 'toy' / name).unlink()
        (tmp_path / 'toy' / name).write_bytes(content)


@pytest.mark.parametrize('segmentation', [
    [np.random.default_rng(0).uniform(0, 1000, 100_000).tolist()],
    [[0, 0, 900, 0, 900, 900, 0, 900]] * 3000,
    [np.tile([-9000., -9000., 9000., 9000.], 2000).tolist()]])
def test_long_outlines(segmentation):
    with pytest.raises(RefDataError, match='pixels of outline, at most 4,000,000'):
        decode_segmentation(segmentation, 1000, 1000)


@pytest.mark.parametrize('size', [(10**6, 10**6), (0, 10), (-5, 10)])
@pytest.mark.parametrize('segmentation', [[[0, 0, 9, 0, 9, 9]], dict(size=[10**6, 10**6], counts=[10**12])])
def test_sizes_of_annotations(size, segmentation):
    with pytest.raises(RefDataError, match='pixels, at most|sides of 1 pixel or more'):
        decode_segmentation(segmentation, *size)


def test_a_million_expressions(tmp_path):
    """One list of a million sentences, which the pickle holds once, for each of two refs."""
    write_toy_images(tmp_path, count=1)
    entries = [dict(image='0.png', expression=['a'] * 6000)] * 2
    with pytest.raises(RefDataError, match=r'list.jsonl: 0.png asks for 12,000 expressions, at most 10,000'):
        TripletListDataset(write_list(tmp_path / 'list.jsonl', entries), data_root=str(tmp_path),
                           data_prefix=dict(img='images', mask='masks'))
    data = toy()
    data['refs'][0]['sentences'] = [data['refs'][0]['sentences'][0]] * 10**6
    options = write_toy(tmp_path, data)
    with pytest.raises(RefDataError, match=r'refs\(unc\).p: image 1 asks for 1,000,000 expressions'):
        ReferDataset(**options)
    results = dict(height=5000, width=5000, segmentations=[[[0, 0, 9, 0, 9, 9]]], object_index=[0] * 20,
                   img_path='a.png')
    with pytest.raises(RefDataError, match='a.png with 20 expressions asks for 500,000,000 pixels of masks'):
        LoadRefAnnotations().transform(results)


@pytest.mark.parametrize('name', ['../secret.png', '/etc/passwd', 'a/../../secret.png', 's3://elsewhere/a.png', '..'])
def test_names_that_lead_outside(tmp_path, name):
    data = toy()
    data['instances']['images'][0]['file_name'] = name
    options = write_toy(tmp_path, data, images=False)
    with pytest.raises(RefDataError, match='ref 101: its file_name .* leads out of its folder.*allow_outside=True'):
        ReferDataset(**options)
    dataset = ReferDataset(**options, allow_outside=True)
    assert dataset.get_data_info(0)['img_path'].endswith(name)
    options = write_toy_images(tmp_path, count=1)
    for row in (dict(image=name), dict(image='0.png', mask=name)):
        entries = [dict(row, expression='a')]
        with pytest.raises(RefDataError, match='line 1: its (picture|mask) .* leads out of its folder'):
            TripletListDataset(write_list(tmp_path / 'list.jsonl', entries), **options)


def test_outside_is_an_option(tmp_path):
    options = write_toy_images(tmp_path, count=1)
    os.replace(tmp_path / 'images/0.png', tmp_path / '0.png')
    entries = [dict(image='../0.png', mask=str(tmp_path / 'masks/0.png'), expression='a')]
    dataset = TripletListDataset(write_list(tmp_path / 'list.jsonl', entries), **options, allow_outside=True)
    assert dataset.get_data_info(0)['height'] == HEIGHT


@pytest.mark.parametrize('name', ['a\0.png', 'a\ud83d.png'])
def test_names_that_no_file_has(tmp_path, name):
    options = write_toy_images(tmp_path, count=1)
    with pytest.raises(RefDataError, match='NUL|half a character'):
        TripletListDataset(write_list(tmp_path / 'l.jsonl', [dict(image=name, expression='a')]), **options)
    data = toy()
    data['instances']['images'][0]['file_name'] = 'a\0.png'
    with pytest.raises(RefDataError, match='NUL'):
        ReferDataset(**write_toy(tmp_path, data, images=False))


def deep(levels: int) -> bytes:
    return b'[' * levels + b']' * levels


def test_deep_json(tmp_path):
    write_toy(tmp_path, images=False)
    (tmp_path / 'toy/instances.json').write_bytes(b'{"images": [], "annotations": [], "x": ' + deep(10**6) + b'}')
    with pytest.raises(RefDataError, match='nested too deep'):
        read_refer_index(tmp_path / 'toy/instances.json', tmp_path / 'toy/refs(unc).p')
    options = write_toy_images(tmp_path, count=1)
    row = b'{"image": "0.png", "expression": "a", "mask": ' + deep(10**5) + b'}'
    for name, content in {'a.jsonl': row, 'a.json': b'[' + row + b']'}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RefDataError, match='line 1: it is nested too deep'):
            TripletListDataset(name, **options)


def pickle_of(build) -> bytes:
    file = io.BytesIO()
    pickle.Pickler(file, 2).dump(build)
    return file.getvalue()


def laughs() -> list:
    """Lists of the same list twice, thirty times: small to hold, endless to print."""
    found = ['ha']
    for _ in range(30):
        found = [found, found]
    return found


@pytest.mark.parametrize('content, message', [
    (b'\x80\x02' + b']' * 10**5 + b'a' * (10**5 - 1) + b'.', 'with other entries'),
    (b'\x80\x02]r\xff\xff\xff\x7f.', 'gives an object the number 2,147,483,647'),
    (b'(lp99999999999\n.', 'gives an object the number 99,999,999,999'),
    (b'\x80\x02X\xff\xff\xff\x7fabc.', 'readable pickle'),
    (b'\x80\x04\x8d' + b'\xff' * 7 + b'\x0fabc.', 'readable pickle'),
    (b'\x80\x02]q\x00h\x00a.', 'with other entries'),
    (pickle_of([dict(ref_id=laughs(), split=laughs(), sentences=[], image_id=1, ann_id=1)]), 'not of the refer format'),
    (pickle_of([dict(ref_id=1, split='train', sentences=laughs(), image_id=1, ann_id=1)]), 'not of the refer format')])
def test_pickles_that_expand(tmp_path, content, message):
    write_toy(tmp_path, images=False)
    (tmp_path / 'toy/refs(unc).p').write_bytes(content)
    with pytest.raises(RefDataError, match=message) as caught:
        read_refer_index(tmp_path / 'toy/instances.json', tmp_path / 'toy/refs(unc).p')
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_scan_reads_to_the_end(protocol):
    """A number that is too large is found behind all kinds of instructions."""
    refs = toy()['refs'] * 50 + [1.5, 10**30, b'bytes', {'a'}, (1, 2, 3, 4), None, True, 'ü' * 300, -7, 70000]
    content = pickle.dumps(refs, protocol=protocol)
    check_memory(content, 'a')
    with pytest.raises(RefDataError, match='4,026,531,839'):
        check_memory(content[:-1] + b'r\xff\xff\xff\xef' + content[-1:], 'a')


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_numpy_in_a_pickle(tmp_path, protocol):
    data = toy()
    expected = read_refer_index(*write_files(tmp_path, data, protocol))
    for ref in data['refs']:
        for key in ('ref_id', 'ann_id', 'image_id'):
            ref[key] = np.int32(ref[key])
        ref.update(split=np.str_(ref['split']), sent_ids=np.array(ref['sent_ids']), box=np.arange(6.).reshape(2, 3).T)
        for sentence in ref['sentences']:
            sentence['sent_id'] = np.array(sentence['sent_id'], '>u8')[()]
            sentence['raw'] = np.str_(sentence['raw'])
    found = read_refer_index(*write_files(tmp_path, data, protocol))
    for name, array in expected.to_arrays().items():
        np.testing.assert_array_equal(array, getattr(found, name), err_msg=name)
    first = load_refer_pickle(tmp_path / 'toy/refs(unc).p')[0]
    assert list(first['sent_ids']) == [1010, 1011, 1012] and type(first['ref_id']) is int
    if protocol < 5 or not isinstance(first['box'], tuple):
        assert list(first['box']) == [[0, 3], [1, 4], [2, 5]]


def write_files(root, data, protocol) -> tuple:
    write_toy(root, data, protocol=protocol, images=False)
    return root / 'toy/instances.json', root / 'toy/refs(unc).p'


@pytest.mark.parametrize('value', [np.array([object()]), np.datetime64('2020'), np.dtype([('a', 'i4')]), os.system,
                                   np.zeros(3, np.complex64)])
def test_other_things_of_numpy_are_refused(tmp_path, value):
    data = toy()
    data['refs'][0]['x'] = value
    with pytest.raises(RefDataError, match=r'refs\(unc\).p'):
        read_refer_index(*write_files(tmp_path, data, 2))


@pytest.mark.parametrize('change', [
    lambda text: '\ufeff' + text, lambda text: text.replace('"bbox": [0, 0, 1, 1]', '"area": NaN, "bbox": [-Infinity]'),
    lambda text: text.replace('"category_id": 1', '"category_id": 1, "x": "NaN \\ud83d and \\ud83d\\ude00 \\\\ud83d"')])
def test_json_as_people_write_it(tmp_path, change):
    expected = read_refer_index(*write_files(tmp_path, toy(), 2))
    path = tmp_path / 'toy/instances.json'
    path.write_text(change(path.read_text()), encoding='utf-8')
    found = read_refer_index(path, tmp_path / 'toy/refs(unc).p')
    for name, array in expected.to_arrays().items():
        np.testing.assert_array_equal(array, getattr(found, name), err_msg=name)


@pytest.mark.parametrize('key', ['ref_id', 'ann_id', 'image_id'])
@pytest.mark.parametrize('value', [2**63, 10**30, float('inf'), float('nan'), 1.5, 'x'])
def test_ids_that_are_none(tmp_path, key, value):
    data = toy()
    data['refs'][1][key] = value
    with pytest.raises(RefDataError, match='entry 1 '):
        read_refer_index(*write_files(tmp_path, data, 2))


@pytest.mark.parametrize('text', ['1e400', '99999999999999999999999', '40.5', '"40"', 'null', 'NaN', '-4', '1e300'])
def test_sizes_that_are_none(tmp_path, text):
    paths = write_files(tmp_path, toy(), 2)
    paths[0].write_text(paths[0].read_text().replace('"height": 40', f'"height": {text}'))
    try:
        index = read_refer_index(*paths)
    except RefDataError as error:
        assert 'instances.json' in str(error)
    else:
        assert 'whole numbers' in index.problem_text[0]


def twice(entries: list, **changes) -> None:
    entries.append(dict(entries[0], **changes))


@pytest.mark.parametrize('spoil, message', [
    (lambda data: twice(data['instances']['annotations'], segmentation=[[1, 1, 9, 1, 9, 9]]), 'annotation 11 .*twice'),
    (lambda data: twice(data['instances']['annotations'], image_id=2), 'annotation 11 .*twice'),
    (lambda data: twice(data['instances']['images'], file_name='other.png'), 'its image 1 .*twice'),
    (lambda data: twice(data['instances']['images'], height=41), 'its image 1 .*twice')])
def test_ids_that_stand_twice(tmp_path, spoil, message):
    data = toy()
    spoil(data)
    with pytest.raises(RefDataError, match=message):
        ReferDataset(**write_toy(tmp_path, data))
    skipping = ReferDataset(**write_toy(tmp_path, data), on_error='skip', sample_by='expression')
    assert len(skipping) and 101 in [ref_id for ref_id, _ in skipping.skipped]


def test_the_same_entry_twice_is_one(tmp_path):
    data = toy()
    twice(data['instances']['images'])
    twice(data['instances']['annotations'])
    twice(data['refs'], ref_id=101, sentences=[dict(data['refs'][0]['sentences'][0], raw='Again')])
    dataset = ReferDataset(**write_toy(tmp_path, data), sample_by='expression')
    assert 'Again' in [dataset.get_data_info(number)['expressions'][0] for number in range(len(dataset))]


@pytest.mark.parametrize('polygon, message', [
    ([10, 8, 10, 8, 10, 8], 'have no area'), ([100, 80, 130, 80, 130, 100], 'lies outside.*0 to 1000'),
    ([10, 8, 130, 8, 130, 100], 'reach to x = 130 and y = 100 .*0 to 1000'),
    ([-30, 0, -10, 0, -10, 9], 'lies outside'), ([.1, .1, .6, .1, .6, .6], 'from 0 to 1 alone'),
    ([0, 0, 1, 0, 1, 1, 0, 1], 'from 0 to 1 alone')])
def test_polygons_that_enclose_nothing(tmp_path, polygon, message):
    data = toy()
    data['instances']['annotations'][0]['segmentation'] = [polygon]
    pipeline = [dict(type='LoadRefImage'), dict(type='RefResize', scale=(30, 20)),
                dict(type='LoadRefAnnotations', size='input')]
    for steps in (pipeline, [pipeline[0], dict(type='LoadRefAnnotations')]):
        with pytest.raises(RefDataError, match=f'mask of ref 101.*{message}'):
            ReferDataset(**write_toy(tmp_path, data), pipeline=steps, sample_by='ref')[0]
    options = write_toy_images(tmp_path)
    with pytest.raises(RefDataError, match=f'line 1: .*{message}'):
        TripletListDataset(write_list(tmp_path / 'l.jsonl', [dict(rows()[0], mask=[polygon])]), **options)
    assert WIDTH == 60
