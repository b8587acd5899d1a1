"""A mix that leaks on purpose is cleaned and counted; tools/analysis_tools/check_leakage.py sees what is there."""

import importlib.util
import json

import pytest
from conftest import ROOT
from mmengine.config import Config
from refer_toy import toy, write_toy
from torch.utils.data import DataLoader
from triplet_toy import write_list, write_toy_images

from mmrefseg.datasets import MixedRefDataset, mixed_ref_dataset
from mmrefseg.datasets.leakage import coco_id
from mmrefseg.engine.hooks.epoch_seed_hook import innermost_datasets
from mmrefseg.errors import RefDataError
from mmrefseg.registry import DATASETS

spec = importlib.util.spec_from_file_location('check_leakage', ROOT / 'tools/analysis_tools/check_leakage.py')
check_leakage = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_leakage)

COCO, NEW_COCO = 'COCO_train2014_{:012d}.jpg', '{:012d}.jpg'
# Refs and expressions of the toy's pictures: 4 and 8 of picture 1, one ref and 4 of picture 2, one and 2 of picture 3.
# The first set trains on 1 and 2 and has 3 in val; the second trains on 1 and 3 and has 2 in testA.


def write_set(root, name, splits=None, file_name='picture_{}.png', images=True):
    """Write the toy with pictures in splits of choice; returns the config of its dataset."""
    data = toy()
    for image in data['instances']['images']:
        image['file_name'] = file_name.format(image['id'])
    for ref in data['refs']:
        ref['split'] = (splits or {1: 'train', 2: 'train', 3: 'val'})[ref['image_id']]
    found = write_toy(root, data, images=images)
    if name != 'toy':
        (root / 'toy').rename(root / name)
    return dict(found, type='ReferDataset', ann_dir=name)


def leaking(root, first='picture_{}.png', second='picture_{}.png', folder=''):
    """The configs of two sets of the same pictures, each of which holds out what the other trains on."""
    return [write_set(root, 'first', file_name=first),
            write_set(root / folder, 'second', {1: 'train', 2: 'testA', 3: 'train'}, file_name=second)]


@pytest.mark.parametrize('identity, names', [
    ('auto', dict()), ('auto', dict(first=COCO, second=NEW_COCO, folder='new')),
    ('auto', dict(first=COCO, second=COCO.replace('.jpg', '_4.jpg'), folder='new')),
    ('name', dict(folder='copy')), ('content', dict(folder='copy', second='other_{}.png'))])
def test_a_leaking_mix_is_cleaned_and_counted(tmp_path, monkeypatch, identity, names):
    lines = []
    monkeypatch.setattr(mixed_ref_dataset, 'print_log', lambda line, *args: lines.append(line))
    mix = MixedRefDataset(leaking(tmp_path, **names), identity=identity)
    first, second = mix.datasets
    assert (len(first), len(second), len(mix)) == (4, 4, 8)
    infos = [mix.get_data_info(number) for number in range(8)]
    assert [info['image_id'] for info in infos] == [1] * 8
    assert sorted(info['ref_ids'][0] for info in infos) == sorted([101, 102, 103, 104] * 2)
    (leak, ), (other, ) = (leaks.values() for leaks in mix.removed)
    assert [split for leaks in mix.removed for _, split in leaks] == ['testA', 'val']
    assert (leak.counts, other.counts) == ((1, 1, 4), (1, 1, 2))
    assert (leak.ref_ids, other.ref_ids) == ([201], [301])
    assert leak.sent_ids == [2010, 2011, 2012, 2013] and leak.images == [infos[0]['img_path'].replace('1.', '2.')]
    assert 'removed 1 pictures, 1 refs, 4 expressions from first_unc_train: 4 of 5 samples are left' in lines[0]
    assert 'removed 1 pictures, 1 refs, 2 expressions from second_unc_train: 4 of 5 samples are left' in lines[1]
    assert 'testA of' in lines[0] and leak.images[0] in lines[0] and 'refs 201' in lines[0]


@pytest.mark.parametrize('identity, names', [
    ('auto', dict(folder='copy')), ('name', dict(folder='copy', second='other_{}.png'))])
def test_copies_that_an_identity_does_not_know(tmp_path, identity, names):
    mix = MixedRefDataset(leaking(tmp_path, **names), identity=identity)
    assert len(mix) == 10 and mix.removed == [{}, {}]


def test_the_mix_of_the_three_by_config(tmp_path):
    images = dict(file_name=COCO, root=tmp_path)
    for name, splits in (('refcoco', None), ('refcoco+', {1: 'train', 2: 'testA', 3: 'train'}),
                         ('refcocog', {1: 'train', 2: 'train', 3: 'test'})):
        write_set(name=name, splits=splits, **images)
    (tmp_path / 'refcocog/refs(unc).p').rename(tmp_path / 'refcocog/refs(umd).p')
    (tmp_path / 'coco').mkdir()
    (tmp_path / 'pictures').rename(tmp_path / 'coco/train2014')
    config = Config.fromfile(ROOT / 'configs/lavt/lavt_swinb_refcoco-mixed.py').train_dataloader.dataset
    for part in config.datasets:
        part.data_root = str(tmp_path)
    mix = DATASETS.build(config)
    assert [len(dataset) for dataset in mix.datasets] == [4, 4, 4] and len(mix) == 12
    removed = [{split: leak.counts for (_, split), leak in leaks.items()} for leaks in mix.removed]
    assert removed == [dict(testA=(1, 1, 4)), dict(val=(1, 1, 2), test=(1, 1, 2)), dict(testA=(1, 1, 4))]


def test_ids_of_coco():
    assert coco_id('a/COCO_train2014_000000581857_16.jpg') == coco_id('000000581857.jpg') == 581857
    others = ['COCO_train2014_000000581857.jpg.png', '202301011200.jpg', '5.jpg', '0000005818571.jpg']
    assert not any(map(coco_id, others))


def test_it_trains_like_its_parts(tmp_path):
    pipeline = [dict(type='LoadRefImage'), dict(type='RefResize', scale=(32, 32), keep_ratio=False),
                dict(type='LoadRefAnnotations', size='input'), dict(type='PackRefInputs')]
    mix = MixedRefDataset([dict(part, pipeline=pipeline, sample_by='image_refs') for part in leaking(tmp_path)],
                          lazy_init=True)
    assert list(innermost_datasets(mix)) == mix.datasets and not mix.removed
    mix.full_init()
    for dataset in mix.datasets:
        dataset.set_epoch(0, seed=0)
    drawn = [[sample['data_samples'].sent_ids for sample in DataLoader(mix, batch_size=None, num_workers=workers)]
             for workers in (0, 2)]
    assert drawn[0] == drawn[1] and len(drawn[0]) == 2


def test_further_sets_are_held_out(tmp_path):
    """A list for a split, which no annotation file of the mix knows of."""
    found = write_toy_images(tmp_path / 'own', 4)
    write_list(tmp_path / 'own/train.csv', [dict(image=f'{number}.png', expression='a') for number in range(4)])
    write_list(tmp_path / 'own/val.csv', [dict(image='1.png', expression='b')])
    write_list(tmp_path / 'own/other.csv', [dict(image='2.png', expression='b')])
    own = dict(found, type='TripletListDataset', ann_file='{split}.csv', split='train')
    assert [info['image_id'] for info in samples(MixedRefDataset([own]))] == [0, 3]  # {split} may be "other", too
    own['ann_file'] = 'train.csv'
    own['split'] = None
    assert len(MixedRefDataset([own])) == 4
    held_out = [dict(own, ann_file=name) for name in ('val.csv', 'other.csv')]
    assert [info['image_id'] for info in samples(MixedRefDataset([own], held_out=held_out))] == [0, 3]


def samples(dataset):
    return [dataset.get_data_info(number) for number in range(len(dataset))]


def test_who_trains_on_all_splits_holds_none_out(tmp_path):
    one = write_set(tmp_path, 'toy')
    mix = MixedRefDataset([one, dict(one, split='val')])
    assert len(mix) == 6 and mix.removed == [{}, {}]


def test_errors(tmp_path):
    one, other = leaking(tmp_path)
    wrapped = dict(type='RepeatDataset', times=2, dataset=DATASETS.build(one))
    for datasets, message, options in (
            ([dict(one, test_mode=True)], 'first_unc_train has test_mode=True', {}),
            ([wrapped], 'datasets holds a RepeatDataset, expected datasets of mmrefseg that are not wrapped', {}),
            ([one], 'all 2 pictures of first_unc_train are in held-out splits', dict(held_out=[one])),
            ([one], "identity='hash' is unknown; choose from auto, name, content", dict(identity='hash'))):
        with pytest.raises(RefDataError, match=message):
            MixedRefDataset(datasets, **options)
    (tmp_path / 'pictures/picture_2.png').unlink()
    with pytest.raises(RefDataError, match='picture_2.png cannot be read, and identity=.content. has to: No such file'):
        MixedRefDataset([one, other], identity='content')


@pytest.fixture
def config(tmp_path):
    def write(train, val):
        path = tmp_path / 'config.py'
        path.write_text(f'train_dataloader = dict(dataset={train!r})\nval_dataloader = dict(dataset={val!r})\n')
        return str(path)

    return write


def test_check_leakage(tmp_path, config, capsys):
    parts = leaking(tmp_path)
    val = dict(parts[0], split='val', test_mode=True)
    for kind, state, status in (('MixedRefDataset', 'removed', 0), ('ConcatDataset', 'LEFT IN TRAINING', 1)):
        arguments = [config(dict(type=kind, datasets=parts), val), '--out', str(tmp_path / 'found.json')]
        assert check_leakage.main(arguments) == status
        lines = [line.split('|')[1:-1] for line in capsys.readouterr().out.splitlines() if '|' in line]
        assert [[cell.strip() for number, cell in enumerate(line) if number != 1] for line in lines[1:]] == [
            ['first_unc_train', '1', '1', '4', state], ['second_unc_train', '1', '1', '2', state]]
        found = json.loads((tmp_path / 'found.json').read_text())
        assert [(entry['ref_ids'], entry['split'].split()[-1]) for entry in found] == [([201], 'testA'), ([301], 'val')]
    # One set alone does not leak; tested on the other one it does.
    assert check_leakage.main([config(parts[0], val)]) == 0
    assert 'No training picture is in another split' in capsys.readouterr().out
    assert check_leakage.main([config(parts[0], dict(parts[1], split='testA', test_mode=True))]) == 1


def test_check_leakage_of_several_splits_counts_an_image_once(tmp_path, config, capsys):
    one, *others = [write_set(tmp_path, name, dict.fromkeys((1, 2, 3), 'train') | held) for name, held in (
        ('one', {}), ('a', {2: 'test'}), ('b', {2: 'test', 3: 'test'}))]
    mix = dict(type='MixedRefDataset', datasets=[one], held_out=[dict(other, split='test') for other in others])
    assert check_leakage.main([config(mix, dict(one, test_mode=True, split='train'))]) == 1  # it tests on train
    out = capsys.readouterr().out
    assert '| 1      | 1    | 4           | removed' in out and '| 2      | 2    | 6           | removed' in out
    assert out.count('all of them') == 1
