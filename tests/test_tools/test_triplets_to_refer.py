"""A triplet list in the refer format is the same data."""

import importlib.util
import json
import re
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / 'tests/test_datasets'))
from triplet_toy import HEIGHT, WIDTH, rows, write_list, write_toy_images  # noqa: E402

from mmrefseg.datasets import GRefCOCODataset, ReferDataset, TripletListDataset, decode_segmentation  # noqa: E402

spec = importlib.util.spec_from_file_location(
    'triplets_to_refer', ROOT / 'tools/dataset_converters/triplets_to_refer.py')
triplets_to_refer = importlib.util.module_from_spec(spec)
spec.loader.exec_module(triplets_to_refer)


@pytest.fixture
def convert(tmp_path):
    write_toy_images(tmp_path)

    def run(name, *arguments):
        triplets_to_refer.main([str(tmp_path / name), str(tmp_path / 'refer'), '--img-dir', str(tmp_path / 'images'),
                                '--mask-dir', str(tmp_path / 'masks'), *arguments])
        return dict(data_root=str(tmp_path), ann_dir='refer', data_prefix=dict(img='images'))

    return run


def contents(dataset):
    """All that a dataset says, its masks drawn."""
    found = []
    for number in range(len(dataset)):
        info = dataset.get_data_info(number)
        info['masks'] = [decode_segmentation(part, HEIGHT, WIDTH).tobytes() for part in info.pop('segmentations')]
        del info['dataset_name']
        found.append(info)
    return found


@pytest.mark.parametrize('text_field', ['raw', 'sent'])
def test_round_trip(convert, tmp_path, capsys, text_field):
    found = convert(write_list(tmp_path / 'list.jsonl'))
    assert '3 pictures, 6 masks, 6 refs, 8 expressions (train, val)' in capsys.readouterr().out
    for split in ('train', 'val'):
        options = dict(split=split, test_mode=True, text_field=text_field)
        expected = TripletListDataset('list.jsonl', data_root=str(tmp_path), data_prefix=dict(
            img='images', mask='masks'), **options)
        assert contents(ReferDataset(**found, **options)) == contents(expected)
    annotation = json.loads((tmp_path / 'refer/instances.json').read_text())['annotations'][2]
    assert annotation['bbox'] == [30, 20, 20, 10] and annotation['area'] == 200


def test_expressions_without_target(convert, tmp_path):
    write_list(tmp_path / 'list.json', [*rows()[5:6], dict(image='1.png', mask=[], expression='none', split='train')])
    found = convert('list.json', '--allow-empty', '--split-by', 'me')
    options = dict(split='train', test_mode=True)
    expected = TripletListDataset('list.json', data_root=str(tmp_path), allow_empty=True, data_prefix=dict(
        img='images', mask='masks'), **options)
    converted = contents(GRefCOCODataset(**found, split_by='me', **options))
    assert converted == contents(expected) and converted[0]['no_targets'] == [False, True]


def test_a_list_for_each_split(convert, tmp_path, capsys):
    for split, numbers in (('train', '01'), ('val', '12')):
        (tmp_path / f'{split}.txt').write_text(''.join(f'{number} in {split}\n' for number in numbers))
    found = convert('{split}.txt', '--splits', 'train', 'val', '--img-suffix', '.png')
    assert '3 pictures, 4 masks, 4 refs, 4 expressions (train, val)' in capsys.readouterr().out
    for split, images in (('train', [0, 1]), ('val', [1, 2])):
        infos = contents(ReferDataset(**found, split=split, test_mode=True))
        assert [(info['image_id'], info['expressions']) for info in infos] == [
            (image, [f'in {split}']) for image in images]
    assert [info['ref_ids'] for info in infos] == [[2], [3]]


@pytest.mark.parametrize('entries, message', [
    (rows()[:1] + [dict(image='0.png', mask='9.png', expression='a', split='x')],
     'list.csv: 1 unusable:\n  line 3: its mask .*masks/9.png is missing'),
    ([dict(image='0.png', expression='a'), dict(image='1.png', expression=' ', split='val')],
     'list.csv: 2 unusable:\n  line 2: it has no split: give --splits NAME, or the column\n  line 3: its expression'),
])
def test_nothing_is_written_unless_all_is_right(convert, tmp_path, entries, message):
    write_list(tmp_path / 'list.csv', entries)
    with pytest.raises(SystemExit, match=message):
        convert('list.csv')
    assert not (tmp_path / 'refer').exists()


def test_nothing_is_replaced_unless_asked(convert, tmp_path):
    convert(write_list(tmp_path / 'list.csv'))
    with pytest.raises(SystemExit, match=r'has instances.json, refs\(unc\).p already; --overwrite replaces them'):
        convert('list.csv')
    convert(write_list(tmp_path / 'list.csv', rows()[:1]), '--overwrite', '--columns', 'image=image')
    assert len(json.loads((tmp_path / 'refer/instances.json').read_text())['images']) == 1
    assert sorted(path.name for path in (tmp_path / 'refer').iterdir()) == ['instances.json', 'refs(unc).p']


@pytest.mark.parametrize('other, arguments', [
    ('refs(umd).p', []), ('grefs(unc).json', ['--overwrite']), ('refs(unc).p', ['--overwrite', '--allow-empty'])])
def test_refs_of_another_name_keep_their_instances(convert, tmp_path, other, arguments):
    write_list(tmp_path / 'list.csv')
    (tmp_path / 'refer').mkdir()
    for name in ('instances.json', other):
        (tmp_path / 'refer' / name).write_text('theirs')
    with pytest.raises(SystemExit, match=re.escape(f'refer has {other}, which would be left with the instances')):
        convert('list.csv', *arguments)
    assert {path.name: path.read_text() for path in (tmp_path / 'refer').iterdir()} == {
        'instances.json': 'theirs', other: 'theirs'}


@pytest.mark.parametrize('name, arguments, message', [
    ('{split}.csv', [], 'needs --splits'), ('a.csv', ['--splits', 'a', 'b'], 'is one list'),
    ('a.csv', ['--columns', 'image'], 'expected FIELD=NAME')])
def test_arguments(convert, capsys, name, arguments, message):
    with pytest.raises(SystemExit):
        convert(name, *arguments)
    assert message in capsys.readouterr().err
