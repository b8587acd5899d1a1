"""ReferDataset: samples, chance, shuffled expressions."""

import random
from collections import Counter

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, RepeatDataset
from refer_toy import write_toy
from torch.utils.data import DataLoader

from mmrefseg.datasets import (
    RefCOCODataset,
    RefCOCOgDataset,
    RefCOCOPlusDataset,
    ReferDataset,
    RefShapesDataset,
)
from mmrefseg.datasets.sampling import split_images
from mmrefseg.errors import RefDataError
from mmrefseg.registry import DATASETS

PIPELINE = [
    dict(type='LoadRefImage'), dict(type='LoadRefAnnotations'),
    dict(type='RefResize', scale=(32, 32)), dict(type='PackRefInputs')]


class AddChance:
    """A transform that draws from both global generators."""

    def __call__(self, results: dict) -> dict:
        return dict(results, chance=(np.random.random(), random.random()))


@pytest.fixture
def build(tmp_path):
    def build_dataset(data=None, root='data', **kwargs):
        found = write_toy(tmp_path / root, data)
        return ReferDataset(**{**found, **kwargs})

    return build_dataset


def visits(dataset, **kwargs):
    """(sample, sentence, chance) of one pass over a dataset."""
    loader = DataLoader(dataset, batch_size=None, **kwargs)
    return [(info['sample_idx'], info['sent_ids'][0], *info['chance']) for info in loader]


# --- samples ---------------------------------------------------------------------------------


def test_by_image(build):
    dataset = build(test_mode=True)
    assert dataset.sample_by == 'image' and len(dataset) == 2
    info = dataset.get_data_info(0)
    assert info['img_path'].endswith('pictures/picture_1.png')
    assert (info['image_id'], info['height'], info['width']) == (1, 40, 60)
    assert info['ref_ids'] == [101] * 3 + [102] * 2 + [103] + [104] * 2
    assert info['sent_ids'] == [1010, 1011, 1012, 1020, 1021, 1030, 1040, 1041]
    assert info['object_index'] == [0, 0, 0, 1, 1, 2, 0, 0] and len(info['segmentations']) == 3
    assert info['expressions'][0] == 'The Object 101, no. 0'
    assert (info['sample_idx'], info['dataset_name']) == (0, 'toy_unc_train')
    assert dataset.get_data_info(-1) == dataset.get_data_info(1)
    assert len(dataset.get_data_info(1)['expressions']) == 4


def test_by_expression(build):
    dataset = build(sample_by='expression', text_field='sent')
    assert len(dataset) == 12
    infos = [dataset.get_data_info(i) for i in range(12)]
    assert [info['sent_ids'] for info in infos[:4]] == [[1010], [1011], [1012], [1020]]
    assert infos[3]['expressions'] == ['the object 102 no 0']
    assert all(info['object_index'] == [0] and len(info['segmentations']) == 1 for info in infos)


def test_by_image_refs_draws_one_expression_of_each_ref(build):
    dataset = build(sample_by='image_refs')
    assert len(dataset) == 2
    drawn = {ref_id: set() for ref_id in (101, 102, 103, 104, 201)}
    for epoch in range(30):
        dataset.set_epoch(epoch, seed=0)
        for idx, refs in enumerate(([101, 102, 103, 104], [201])):
            info = dataset.get_data_info(idx)
            assert info['ref_ids'] == refs and dataset.get_data_info(idx) == info
            assert [sent_id // 10 for sent_id in info['sent_ids']] == refs
            for ref_id, sent_id in zip(refs, info['sent_ids']):
                drawn[ref_id].add(sent_id)
        if epoch == 0:
            assert info['object_index'] == [0]
    assert {ref_id: len(seen) for ref_id, seen in drawn.items()} == {101: 3, 102: 2, 103: 1, 104: 2, 201: 4}


@pytest.mark.parametrize('max_refs, groups', [
    (1, [[101], [102], [103], [104], [201]]), (2, [[101, 102], [103, 104], [201]]),
    (3, [[101, 102], [103, 104], [201]]), (4, [[101, 102, 103, 104], [201]]),
])
def test_by_image_refs_bounded(build, max_refs, groups):
    dataset = build(sample_by='image_refs', max_refs=max_refs)
    for epoch in range(2):
        dataset.set_epoch(epoch, seed=0)
        assert [dataset.get_data_info(idx)['ref_ids'] for idx in range(len(dataset))] == groups


@pytest.mark.parametrize('max_refs', [1, 2, 3, 7, 20])
def test_splitting_the_refs_of_images(max_refs):
    generator = np.random.default_rng(max_refs)
    image_of_ref = generator.integers(0, 6, 40) * 10
    refs = generator.permutation(np.repeat(np.arange(40) * 3, 2))  # two expressions a ref, images mixed
    images = image_of_ref[refs // 3]
    key = split_images(images, refs, max_refs)
    sizes = {}  # image -> refs in each of its groups
    for group in np.unique(key):
        members = key == group
        assert len(set(images[members])) == 1
        assert set(refs[members]).isdisjoint(refs[~members])
        sizes.setdefault(images[members][0], []).append(len(set(refs[members])))
    for image, counts in sizes.items():
        refs_of_image = (image_of_ref == image).sum()
        assert sum(counts) == refs_of_image and len(counts) == -(-refs_of_image // max_refs)
        assert max(counts) <= max_refs and max(counts) - min(counts) <= 1


def test_by_ref_keeps_two_refs_of_one_object_apart(build):
    dataset = build()
    assert dataset.sample_by == 'ref' and len(dataset) == 5
    infos = [dataset.get_data_info(i) for i in range(5)]
    assert [info['ref_ids'] for info in infos] == [[101], [102], [103], [104], [201]]
    assert all(len(info['expressions']) == 1 for info in infos)


def test_through_the_pipeline(build):
    sample = build(pipeline=PIPELINE, test_mode=True)[0]
    assert sample['inputs'].shape == (3, 32, 32)
    assert sample['data_samples'].gt_sem_seg.data.shape == (8, 32, 32)
    assert sample['data_samples'].gt_sem_seg.data.flatten(1).any(1).all()
    assert len(sample['data_samples'].expressions) == 8


def test_train_and_val_share_their_annotations(build, tmp_path):
    train, val = (ReferDataset(split=split, **write_toy(tmp_path / 'x')) if i == 0 else
                  ReferDataset(split=split, data_root=str(tmp_path / 'x'), ann_dir='toy',
                               data_prefix=dict(img='pictures'))
                  for i, split in enumerate(('train', 'val')))
    assert train.index is val.index and len(val) == 1


def test_subsets_and_wrappers(build):
    dataset = build(sample_by='expression')
    sent_ids = [dataset.get_data_info(i)['sent_ids'] for i in range(12)]
    for indices, expected in ((3, sent_ids[:3]), (-2, sent_ids[-2:]), ([7, 0], [sent_ids[7], sent_ids[0]])):
        subset = dataset.get_subset(indices)
        assert [subset.get_data_info(i)['sent_ids'] for i in range(len(subset))] == expected
        assert subset.get_data_info(0)['sample_idx'] == 0
        assert subset.index is dataset.index
        also = build(sample_by='expression', indices=indices)
        assert [also.get_data_info(i)['sent_ids'] for i in range(len(also))] == expected
    both = ConcatDataset([dataset, build(split='val', sample_by='expression')])
    assert len(both) == 14 and both.get_data_info(12)['sent_ids'] == [3010]
    assert len(RepeatDataset(dataset, times=3)) == 36
    assert RepeatDataset(dataset, times=3)[25]['sent_ids'] == sent_ids[1]
    dataset.get_subset_(2)
    assert len(dataset) == 2


def test_lazy_init_reads_nothing_until_asked(tmp_path):
    dataset = ReferDataset(data_root=str(tmp_path / 'later'), ann_dir='toy', lazy_init=True,
                           data_prefix=dict(img='pictures'))
    assert dataset.metainfo['classes'] == ('background', 'referent')
    write_toy(tmp_path / 'later')
    assert len(dataset) == 5


def test_first_image_folder_that_exists(build, tmp_path):
    dataset = build(data_prefix=dict(img=['nowhere', 'pictures', 'toy']))
    assert dataset.get_data_info(0)['img_path'] == str(tmp_path / 'data/pictures/picture_1.png')


def test_images_behind_a_protocol_are_not_looked_for(build):
    dataset = build(data_prefix=dict(img='s3://bucket/pictures'), on_error='skip')
    assert dataset.get_data_info(0)['img_path'] == 's3://bucket/pictures/picture_1.png'
    assert not dataset.skipped


# --- chance ------------------------------------------------------------------------------------


@pytest.mark.parametrize('loader', [
    dict(num_workers=1), dict(num_workers=2), dict(num_workers=2, persistent_workers=True)])
def test_an_epoch_is_the_same_with_any_workers(build, loader):
    alone, other = (build(pipeline=[AddChance()]) for _ in range(2))
    loader = DataLoader(other, batch_size=None, **loader)
    drawn = []
    for epoch in (0, 1, 7):
        alone.set_epoch(epoch, seed=3)
        other.set_epoch(epoch, seed=3)
        expected = visits(alone)
        found = [(i['sample_idx'], i['sent_ids'][0], *i['chance']) for i in loader]
        assert found == expected
        drawn.append(tuple(expected))
    assert len(set(drawn)) == 3
    alone.set_epoch(7, seed=4)
    assert tuple(visits(alone)) != drawn[-1]


def test_all_expressions_are_drawn_over_the_epochs(build):
    dataset = build()
    drawn = Counter()
    for epoch in range(60):
        dataset.set_epoch(epoch, seed=0)
        drawn.update(dataset.get_data_info(i)['sent_ids'][0] for i in range(5))
    assert set(drawn) == {1010, 1011, 1012, 1020, 1021, 1030, 1040, 1041, 2010, 2011, 2012, 2013}
    assert all(8 <= drawn[sent_id] <= 32 for sent_id in (1010, 1011, 1012)), 'about 20 each'


def test_the_order_of_visits_does_not_matter(build):
    dataset = build(pipeline=[AddChance()])
    dataset.set_epoch(2, seed=9)
    forth, back = ([dataset[i]['chance'] for i in order] for order in (range(5), range(4, -1, -1)))
    assert forth == back[::-1] and len(set(forth)) == 5
    assert dataset[-1]['chance'] == forth[-1]


def test_global_chance_is_put_back(build):
    dataset = build(pipeline=[AddChance()])
    dataset.set_epoch(0, seed=0)
    states = []
    for visit in (False, True):
        np.random.seed(1)
        random.seed(1)
        if visit:
            dataset[0]
        states.append((np.random.random(), random.random()))
    assert states[0] == states[1]


def test_without_epochs_chance_follows_torch(build):
    dataset = build(pipeline=[AddChance()])

    def sentences(seed, workers=0):
        torch.manual_seed(seed)
        return [sentence for _ in range(4) for _, sentence, *_ in visits(dataset, num_workers=workers)]

    assert sentences(1) == sentences(1) != sentences(2)
    assert len(set(sentences(3, workers=2)[4::5])) > 1, 'each epoch draws anew'


def test_test_mode_leaves_chance_alone(build):
    dataset = build(pipeline=[AddChance()], test_mode=True)
    dataset.set_epoch(0, seed=0)
    np.random.seed(5)
    first = dataset[0]['chance'][0]
    assert first == np.random.RandomState(5).random() and dataset[0]['chance'][0] != first


@pytest.mark.parametrize('epoch, seed', [(-1, 0), (0, -1)])
def test_negative_epoch_or_seed(build, epoch, seed):
    with pytest.raises(ValueError, match='must not be negative'):
        build().set_epoch(epoch, seed)


def test_a_subset_has_epochs_of_its_own(build):
    dataset = build()
    dataset.set_epoch(1, seed=1)
    subset = dataset.get_subset(3)
    subset.set_epoch(2, seed=1)
    assert dataset._epoch_and_seed.tolist() == [1, 1]
    assert subset._epoch_and_seed.is_shared()


# --- shuffled expressions ------------------------------------------------------------------------


def test_shuffled_expressions_go_to_another_object_of_the_image(build):
    plain, shuffled = (build(test_mode=True, shuffle_expressions=s) for s in (False, True))
    assert len(plain) == 2 and len(shuffled) == 1, 'image 2 has one object'
    before, after = plain.get_data_info(0), shuffled.get_data_info(0)
    for key in ('expressions', 'ref_ids', 'sent_ids', 'img_path'):
        assert before[key] == after[key]
    pairs = {}
    for old, new in zip(before['object_index'], after['object_index']):
        old, new = before['segmentations'][old], after['segmentations'][new]
        assert old != new and old in after['segmentations']
        pairs.setdefault(str(old), set()).add(str(new))
    assert all(len(new) == 1 for new in pairs.values())
    assert len(set.union(*pairs.values())) == 3, 'every object gets some'
    again = build(test_mode=True, shuffle_expressions=True, root='copy')
    assert again.get_data_info(0)['object_index'] == after['object_index']


def test_shuffled_expressions_are_the_same_one_by_one(build):
    grouped = build(test_mode=True, shuffle_expressions=True).get_data_info(0)
    single = build(test_mode=True, shuffle_expressions=True, sample_by='expression')
    assert len(single) == 8
    for i in range(8):
        info = single.get_data_info(i)
        assert info['sent_ids'][0] == grouped['sent_ids'][i]
        assert info['segmentations'][0] == grouped['segmentations'][grouped['object_index'][i]]


def test_nothing_to_shuffle(build):
    with pytest.raises(RefDataError, match='no expression is left in an image of two objects'):
        build(split='val', test_mode=True, shuffle_expressions=True)


# --- RefCOCO & Co. -------------------------------------------------------------------------------


@pytest.mark.parametrize('dataset, folder, split_by', [
    (RefCOCODataset, 'refcoco', 'unc'), (RefCOCOPlusDataset, 'refcoco+', 'unc'),
    (RefCOCOgDataset, 'refcocog', 'umd'), (RefShapesDataset, 'refshapes', 'unc')])
def test_defaults_and_where_the_files_are_had(tmp_path, dataset, folder, split_by):
    config = dict(type=dataset.__name__, data_root=str(tmp_path), lazy_init=True)
    built = DATASETS.build(config)
    assert type(built) is dataset and built.split_by == split_by
    assert built.instances_file == str(tmp_path / folder / 'instances.json')
    with pytest.raises(RefDataError, match=rf'{folder.replace("+", ".")}/instances.json is missing.*'
                                           rf'(https://.*{folder.replace("+", ".")}.zip|make-refsh)'):
        built.full_init()


def test_published_sizes_add_up():
    assert sum(size.refs for size in RefCOCODataset.SIZES.values()) == 50000
    assert sum(size.expressions for size in RefCOCODataset.SIZES.values()) == 142210
    assert sum(size.refs for size in RefCOCOPlusDataset.SIZES.values()) == 49856
    for split_by in ('umd', 'google'):
        assert sum(size.refs for (by, _), size in RefCOCOgDataset.SIZES.items() if by == split_by) == 49822


def test_real_refcoco(shared_dir):
    dataset = RefCOCODataset(
        data_root=str(shared_dir / 'refcoco_real'), split='testA', test_mode=True, pipeline=PIPELINE)
    samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
    assert len(samples) == 7 and sum(len(sample.expressions) for sample in samples) == 21
    assert samples[0].expressions == ['guy holding baby', 'man', 'the man']
    assert all(sample.gt_sem_seg.data.any() for sample in samples)
