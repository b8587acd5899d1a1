import random
from collections import Counter

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, RepeatDataset
from PIL import Image
from refer_toy import rle, toy, write_toy
from torch.utils.data import DataLoader

from mmrefseg.datasets import (
    RefCOCODataset,
    RefCOCOgDataset,
    RefCOCOPlusDataset,
    ReferDataset,
    RefShapesDataset,
)
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


def test_first_picture_folder_that_exists(build, tmp_path):
    dataset = build(data_prefix=dict(img=['nowhere', 'pictures', 'toy']))
    assert dataset.get_data_info(0)['img_path'] == str(tmp_path / 'data/pictures/picture_1.png')


def test_pictures_behind_a_protocol_are_not_looked_for(build):
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
    for ref_id, old, new in zip(before['ref_ids'], before['object_index'], after['object_index']):
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


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize('options, message', [
    (dict(sample_by='word'), "sample_by='word' is unknown; choose from ref, expression, image"),
    (dict(text_field='tokens'), "text_field='tokens' is unknown; choose from raw, sent"),
    (dict(on_error='ignore'), "on_error='ignore' is unknown; choose from raise, skip"),
    (dict(sample_by='ref', test_mode=True), "sample_by='ref' draws"),
    (dict(sample_by='ref', shuffle_expressions=True), "sample_by='ref' draws"),
    (dict(split='Train'), r"refs\(unc\).p has no split 'Train'; it has: train, val"),
    (dict(split_by='umd'), r'refs\(umd\).p is missing; in that folder is: instances.json, refs'),
    (dict(ann_dir='toys'), 'instances.json is missing; in that folder is: nothing'),
    (dict(data_prefix=dict(img=['a', 'b'])), 'pictures are missing: no folder .*/a or .*/b'),
])
def test_options(build, options, message):
    with pytest.raises(RefDataError, match=message):
        build(**options)


def break_annotation(data):
    data['refs'][1]['ann_id'] = 77
    return 102, 'its annotation 77 is not in .*instances.json', 2


def break_image(data):
    data['refs'][1]['image_id'] = 77
    return 102, 'its image 77 is not among the images of .*instances.json', 2


def break_segmentation(data):
    data['instances']['annotations'][1]['segmentation'] = 'text'
    return 102, 'unknown segmentation kind.*found str', 2


def break_mask_size(data):
    data['instances']['annotations'][1]['segmentation'] = rle(60, 40, slice(3), slice(3))
    return 102, 'its mask is 60x40 where its picture picture_1.png is 40x60', 2


def break_expression(data):
    data['refs'][1]['sentences'][1]['raw'] = ' \t\xa0'
    return 102, "its expression 1021 is empty: no 'raw' text", 1


def break_text_field(data):
    del data['refs'][1]['sentences'][1]['raw']
    return 102, "its expression 1021 is empty: no 'raw' text", 1


def break_all_expressions(data):
    data['refs'][1]['sentences'] = []
    return 102, 'it has no expression', 2


@pytest.mark.parametrize('spoil', [
    break_annotation, break_image, break_segmentation, break_mask_size, break_expression,
    break_text_field, break_all_expressions])
def test_unusable_ref_is_an_error_or_left_out(build, spoil, caplog):
    data = toy()
    ref_id, message, lost = spoil(data)
    with pytest.raises(RefDataError, match=rf'(?s)refs\(unc\).p, split train: 1 unusable .*'
                                           rf'\n  ref {ref_id}: .*{message}'):
        build(data)
    dataset = build(data, on_error='skip', sample_by='expression')
    assert len(dataset) == 12 - lost
    assert [ref for ref, _ in dataset.skipped] == [ref_id]
    build(data, split='val')  # the other split is fine


def test_a_ref_with_one_blank_expression_keeps_the_others(build):
    data = toy()
    break_expression(data)
    dataset = build(data, on_error='skip')
    assert len(dataset) == 5
    for epoch in range(10):
        dataset.set_epoch(epoch, 0)
        assert dataset.get_data_info(1)['sent_ids'] == [1020]


def test_nothing_left(build):
    data = toy()
    data['refs'][-1]['ann_id'] = 77
    with pytest.raises(RefDataError, match='split val: no expression is left'):
        build(data, split='val', on_error='skip')


def remove(path):
    path.unlink()


def overwrite(path):
    path.write_bytes(b'no picture')


def resize(path):
    Image.new('RGB', (60, 41)).save(path)


@pytest.mark.parametrize('spoil, message', [
    (remove, r'picture .*picture_1.png \(ref 101\) is missing'),
    (overwrite, r'picture .*picture_1.png \(ref 101\) is broken'),
    (resize, r'picture .*picture_1.png \(ref 101\) is 41x60 .* its annotations say 40x60')])
def test_unusable_picture_is_an_error_or_left_out(build, tmp_path, spoil, message):
    found = write_toy(tmp_path / 'data')
    spoil(tmp_path / 'data/pictures/picture_1.png')
    with pytest.raises(RefDataError, match=message):
        ReferDataset(pipeline=PIPELINE, **found)[0]
    dataset = ReferDataset(pipeline=PIPELINE, on_error='skip', **found)
    assert [ref_id for ref_id, _ in dataset.skipped] == [101, 102, 103, 104]
    assert all('picture_1.png' in reason for _, reason in dataset.skipped)
    assert len(dataset) == 1 and dataset[0]['data_samples'].ref_ids == [201]


@pytest.mark.parametrize('workers', (0, 1))
def test_picture_that_fails_later_is_replaced_in_training_only(tmp_path, workers):
    found = write_toy(tmp_path)
    path = tmp_path / 'pictures/picture_1.png'
    path.write_bytes(path.read_bytes()[:200])  # the header is fine
    train = ReferDataset(pipeline=PIPELINE, on_error='skip', **found)
    train.set_epoch(0, 0)
    assert not train.skipped
    loader = DataLoader(train, batch_size=None, num_workers=workers)
    refs = [sample['data_samples'].ref_ids for sample in loader]
    assert refs == [[201]] * 5 and train.replaced_count >= 4
    test = ReferDataset(pipeline=PIPELINE, on_error='skip', test_mode=True, **found)
    with pytest.raises(RefDataError, match='picture_1.png .* is broken'):
        test[0]
    with pytest.raises(RefDataError, match='picture_1.png .* is broken'):
        ReferDataset(pipeline=PIPELINE, **found)[0]


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
                                           rf'(https://.*{folder.replace("+", ".")}.zip|make_refsh)'):
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
