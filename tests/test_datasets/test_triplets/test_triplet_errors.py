"""What TripletListDataset says of lists and files it cannot use: file and line, found and expected."""

import json
import re

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from triplet_toy import rows, write_list, write_toy_images

from mmrefseg.datasets import TripletListDataset
from mmrefseg.errors import RefDataError


@pytest.fixture
def build(tmp_path):
    found = write_toy_images(tmp_path)

    def build_dataset(content, name='list.jsonl', **kwargs):
        if isinstance(content, list):
            write_list(tmp_path / name, content)
        elif content is not None:
            (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return TripletListDataset(name, **{**found, **kwargs})

    return build_dataset


def fails(build, message, *args, **kwargs):
    with pytest.raises(RefDataError) as error:
        build(*args, **kwargs)
    assert re.search(message, str(error.value)), str(error.value)
    return str(error.value)


GOOD = json.dumps(dict(image='0.png', expression='a'))


@pytest.mark.parametrize('line, message', [
    ('{"image": "0.png"', "list.jsonl: 1 rows are not as they should be:\n  line 2: it is no JSON: Expecting ',' .*at"),
    ('["0.png", "a"]', r"line 2: found \['0.png', 'a'\], expected an object with 'image' and 'expression'"),
    ('{"picture": "0.png", "sent": 3}', "line 2: it has no 'image' and no 'expression'; it has: picture, sent"),
    ('{"image": 5, "expression": "a"}', "line 2: 'image' is 5, expected the name of a picture"),
    ('{"image": "0.png", "expression": []}', r"line 2: 'expression' is \[\], expected a text or a list of texts"),
    ('{"image": "0.png", "expression": ["a", 3]}', r"line 2: 'expression' is \['a', 3\]"),
    ('{"image": "0.png", "expression": "a", "split": 1}', "line 2: 'split' is 1, expected a text"),
    ('{"image": "0.png", "expression": "a", "mask": 1.5}', "line 2: 'mask' is 1.5, expected the name of a mask file"),
    ('{"image": "0.png", "expression": "a", "mask": "[[1, 2"}', "line 2: 'mask' begins like JSON and is none"),
    ('{"image": "0.png", "expression": "a", "ref_id": "x"}', "line 2: 'ref_id' is 'x', expected an integer"),
    ('{"image": "0.png", "expression": "a", "ref_id": true}', "line 2: 'ref_id' is True, expected an integer"),
    ('{"image": "0.png", "expression": "a", "ref_id": 3}', "line 2: a ref_id is there, other than in line 1: expected"),
])
def test_rows(build, line, message):
    fails(build, message, f'{GOOD}\n{line}\n', on_error='skip')


def test_ref_ids_that_contradict(build):
    entries = [dict(image=f'{number}.png', expression='a', ref_id=3) for number in range(2)]
    fails(build, r'line 3: ref_id 3 has another picture, mask or split than in line 1', entries)


@pytest.mark.parametrize('name, content, message', [
    ('a.json', '{"image": 1}', r"a.json, line 1: expected a list of rows, '\[', found '{"),
    ('a.json', f'[{GOOD},\n\n {GOOD}\n {GOOD}]', "a.json, line 4: expected ',' or ']' behind a row, found '{"),
    ('a.json', f'[{GOOD},\n{GOOD[:-3]}', 'a.json, line 2: it is no readable JSON, or truncated'),
    ('a.json', f'[{GOOD},\n\n{GOOD}, \n{{"image": "0.png"}}]', "a.json: 1 rows .*\n  line 4: it has no 'expression'"),
    ('a.json', '[]', 'a.json has no rows'),
    ('a.json', f'[{GOOD}]\n[{GOOD}]\n', r"a.json, line 2: expected the end of the file behind '\]', found '\[{"),
    ('a.json', f'[] {GOOD}', r"a.json, line 1: expected the end of the file behind '\]', found '{"),
    ('a.json', f'[{GOOD},]', 'a.json, line 1: it is no readable JSON'),
    ('a.csv', 'image,expression\n0.png,a\n0.png,a,b\n', 'line 3: it has 3 cells where the header has 2: image, expr'),
    ('a.csv', 'image,text\n0.png,a\n', "line 2: it has no 'expression'; it has: image, text"),
    ('a.csv', 'image,expression\n0.png,"a\n', 'a.csv, line 2: unexpected end of data'),
    ('a.csv', b'image,expression\n0.png,gr\xfcn\n', 'a.csv is not UTF-8'),
    ('a.txt', '0 the road\n1\n', "line 2: expected '<name> <expression>', found '1'"),
    ('a.xml', '<a>', r'a.xml is no list of a known format: expected .json \(a list'),
    ('a.jsonl', None, 'the list .*a.jsonl is missing'),
])
def test_files(build, name, content, message):
    fails(build, message, content, name=name)


@pytest.mark.parametrize('options, message', [
    (dict(columns=dict(sentence='x')), r"columns=\{'sentence': 'x'\}: found sentence, expected some of image"),
    (dict(split='test'), "list.jsonl has no split 'test'; it has: train, val"),
    (dict(data_prefix=dict(img='photos')), "data_prefix='img': found no folder .*/photos; expected one on this"),
    (dict(data_prefix=dict(mask=['a', 'b'])), "data_prefix='mask': found no folder .*/a"),
    (dict(data_prefix=dict(mask='images')), 'line 1: it names no mask, and .*images/0.png, where one is looked for'),
])
def test_options(build, options, message):
    prefix = dict(dict(img='images', mask='masks'), **options.pop('data_prefix', {}))
    fails(build, message, rows(), data_prefix=prefix, **options)


def test_splits(build):
    fails(build, "no column of splits, so that split='val' cannot be found in it: give each row", [rows()[0] | dict(
        split='')], split='val')
    fails(build, r"ann_file='\{split\}.csv' needs a split, found None", None, name='{split}.csv')


def spoil(root):
    """Everything that can be wrong with files, one a picture; the first picture is right."""
    images, masks = root / 'images', root / 'masks'
    write_toy_images(root, 8)
    (images / '1.png').unlink()
    (masks / '2.png').unlink()
    Image.new('L', (30, 30), 1).save(masks / '3.png')
    Image.new('L', (60, 40)).save(masks / '4.png')
    (images / '5.png').write_bytes(b'no picture')
    (masks / '6.png').write_bytes((masks / '6.png').read_bytes()[:60])
    Image.new('L', (60, 40), 1).save(masks / '7.jpg')
    Image.fromarray(np.random.default_rng(0).integers(0, 9, (40, 60, 3), np.uint8)).save(masks / '0_colours.png')


ENTRIES = [
    *(dict(image=f'{number}.png', expression='a') for number in range(7)),
    dict(image='7.png', mask='7.jpg', expression='a'), dict(image='0.png', mask='0_colours.png', expression='a'),
    dict(image='0.png', expression=['b', ' \n']),
    dict(image='0.png', mask=[[1, 1, 5, 5]], expression='a'), dict(image='0.png', mask=[], expression=['a', 'b'])]
REASONS = [
    r'line 3: its picture .*/images/1.png is missing', r'line 5: its mask .*/masks/2.png is missing',
    r'line 7: its mask .*/masks/3.png is 30x30 where its picture is 40x60 \(height x width\)',
    r'line 9: its mask .*/masks/4.png has no foreground \(foreground=\[1, 255\]\); allow_empty=True takes',
    r'line 11: its picture .*/images/5.png (is broken or )?cannot be read: ',
    r'line 13: its mask .*/masks/6.png (is broken or )?cannot be read: ',
    r'line 15: its mask .*/masks/7.jpg is a JPEG, which blurs the values: expected PNG or TIFF',
    r'line 17: its mask .*/masks/0_colours.png is coloured, and foreground=\[1, 255\] means',
    r'line 21: its segmentation looks like a box',
    r'line 23: its mask has no foreground; allow_empty=True']


def write_long_text(path):
    """A picture whose header PIL refuses, with an error of another kind."""
    info = PngInfo()
    info.add_text('a', 'b' * 2**21, zip=True)
    Image.new('L', (60, 40), 1).save(path, pnginfo=info)


def write_half_a_tiff(path):
    Image.new('L', (60, 40), 1).save(path)
    path.write_bytes(path.read_bytes()[:1200])


@pytest.mark.parametrize('folder, name, write', [
    ('images', '1.png', write_long_text), ('masks', '1.png', write_long_text), ('masks', '1.tif', write_half_a_tiff)])
def test_whatever_the_reader_raises(build, tmp_path, folder, name, write):
    write(tmp_path / folder / name)
    entries = [dict(image=f'{number}.png', mask=mask, expression='a') for number, mask in enumerate(('0.png', name))]
    fails(build, f'line 3: its (picture|mask) .*/{folder}/{name} (is broken or )?cannot be read: ', entries)
    dataset = build(None, on_error='skip')
    assert len(dataset) == 1 and len(dataset.skipped) == 1


def test_all_that_is_wrong_is_said_together(build, tmp_path):
    spoil(tmp_path)
    message = fails(build, r"list.jsonl, split None: 11 unusable \(on_error='skip' leaves them out\):", ENTRIES,
                    foreground=[1, 255])
    for reason in REASONS:
        assert re.search(reason, message), (reason, message)
    assert message.count('line ') == 10 and message.endswith('… and 1 more')
    dataset = build(None, foreground=[1, 255], on_error='skip', sample_by='expression')
    assert [dataset.get_data_info(number)['expressions'] for number in range(len(dataset))] == [['a'], ['b']]
    assert len(dataset.skipped) == 11 and dataset.skipped[-1][1] == "line 19: its expression is empty: no 'raw' text"


def test_what_was_wrong_is_looked_at_again(build, tmp_path):
    (tmp_path / 'images' / '1.png').rename(tmp_path / 'other.png')
    fails(build, 'line 11: its picture .*1.png is missing', rows())
    (tmp_path / 'other.png').rename(tmp_path / 'images' / '1.png')
    assert len(build(None, test_mode=True)) == 3
