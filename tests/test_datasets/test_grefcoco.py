"""gRefCOCO: refs with one target, several or none, on the same index and sampling as RefCOCO."""

import json

import numpy as np
import pytest
from refer_toy import rle, square, toy, write_toy

from mmrefseg.datasets import GRefCOCODataset, decode_segmentation, load_gref_json, open_refer_index
from mmrefseg.errors import RefDataError

PIPELINE = [
    dict(type='LoadRefImage'), dict(type='RefResize', scale=(40, 30), keep_ratio=False),
    dict(type='LoadRefAnnotations'), dict(type='PackRefInputs')]
# What the refs of the toy refer to here: 101 and 104 the same three, 102 nothing, 301 one that is no list.
TARGETS = {101: [11, 12, 13], 102: [-1], 103: [13], 104: [11, 12, 13], 201: [21, 99], 301: 31}


def gtoy():
    """The toy as gRefCOCO has it."""
    data = toy()
    for ref in data['refs']:
        ref['ann_id'] = TARGETS[ref['ref_id']]
        ref['category_id'] = [-1] if ref['ann_id'] == [-1] else [1]
        ref['no_target'] = ref['ann_id'] == [-1]
    return data


@pytest.fixture
def build(tmp_path):

    def build(data=None, **kwargs):
        data = gtoy() if data is None else data
        found = write_toy(tmp_path, data)
        (tmp_path / 'toy/refs(unc).p').unlink()
        (tmp_path / 'toy/grefs(unc).json').write_text(json.dumps(data['refs']))
        return GRefCOCODataset(**{**found, 'pipeline': PIPELINE, **kwargs})

    return build


def mask_of(ann_ids, image_id):
    """The union, drawn annotation by annotation."""
    instances = toy()['instances']
    height, width = next((i['height'], i['width']) for i in instances['images'] if i['id'] == image_id)
    mask = np.zeros((height, width), bool)
    for entry in instances['annotations']:
        if entry['id'] in ann_ids:
            mask |= decode_segmentation(entry['segmentation'], height, width) == 1
    return mask


def test_masks(build):
    """A union for several targets (polygons and RLEs together), nothing for none; all expressions of a picture."""
    seen = set()
    for sample in (dataset[i]['data_samples'] for dataset in (build(test_mode=True), build(split='val', test_mode=True))
                   for i in range(len(dataset))):
        for i, ref_id in enumerate(sample.ref_ids):
            targets = TARGETS[ref_id] if isinstance(TARGETS[ref_id], list) else [TARGETS[ref_id]]
            expected = mask_of(targets, sample.image_id)
            np.testing.assert_array_equal(sample.gt_sem_seg.data[i].numpy(), expected)
            assert sample.no_targets[i] == (targets == [-1]) == (not expected.any())
            seen.add(ref_id)
    assert seen == set(TARGETS)


def test_masks_at_the_size_of_the_input(build):
    """The quick way to a resized mask draws nothing for none, too."""
    quick = [PIPELINE[0], PIPELINE[1], dict(type='LoadRefAnnotations', size='input'), PIPELINE[3]]
    sample = build(test_mode=True, pipeline=quick)[0]['data_samples']
    masks = dict(zip(sample.ref_ids, sample.gt_sem_seg.data))
    assert masks[102].shape == (30, 40) and not masks[102].any() and masks[101].any() and masks[103].any()


def test_sampling_is_that_of_refcoco(build):
    """No ref is lost: those without target, and two with the same targets, are samples of their own."""
    assert sorted(ref for i in range(5) for ref in build().get_data_info(i)['ref_ids']) == [101, 102, 103, 104, 201]
    info = build(sample_by='image_refs').get_data_info(0)
    assert info['ref_ids'] == [101, 102, 103, 104] and info['no_targets'] == [False, True, False, False]
    assert info['object_index'] == [0, 1, 2, 0] and len(info['segmentations']) == 3


def test_the_index_is_mapped_and_repeats_no_coordinate(build, tmp_path):
    dataset = build()
    dataset.full_init()
    again = open_refer_index(dataset.instances_file, dataset.refs_file)
    assert again is dataset.index and dataset.index.kept_in is not None
    assert dataset.refs_file.endswith('toy/grefs(unc).json') and dataset.dataset_name == 'toy_unc_train'
    polygons = [part for entry in toy()['instances']['annotations'] for part in entry['segmentation']
                if isinstance(entry['segmentation'], list) and isinstance(part, list)]
    assert len(dataset.index.coordinates) == sum(map(len, polygons))
    assert sorted(dataset.index.ann_id.tolist()) == [-2, -2, -1, 11, 12, 13, 21, 31, 99]


def spoil(ref_id, ann_id):
    data = gtoy()
    ref, = (ref for ref in data['refs'] if ref['ref_id'] == ref_id)
    ref['ann_id'] = ann_id
    return data


@pytest.mark.parametrize('ann_id, message', [
    ([], r'entry 1 \(ref 102\) is not of the refer format \(ValueError: ann_id is \[\], expected ids of annotations'),
    ([11, -1], r'\(ref 102\).*ann_id is \[11, -1\], expected ids of annotations, or \[-1\] alone for no target'),
    (None, r'\(ref 102\) is not of the refer format \(TypeError'),
    (['a'], r'\(ref 102\) is not of the refer format \(ValueError'),
    ([11, 77], 'ref 102: its annotation 77 is not in instances.json'),
    ([11, 21], 'ref 102: its annotation 21 belongs to another image than 1 in instances.json'),
])
def test_bad_targets(build, ann_id, message):
    with pytest.raises(RefDataError, match=message):
        build(spoil(102, ann_id))[0]


def test_a_broken_target_among_several(build):
    data = gtoy()
    for entry in data['instances']['annotations']:
        if entry['id'] == 12:
            entry['segmentation'] = rle(41, 60, slice(0, 5), slice(0, 5))
        if entry['id'] == 99:
            entry['segmentation'] = [square(0, 0, 4)[:3]]
    with pytest.raises(RefDataError, match='(?s)ref 101: its mask is 41x60 where .* 40x60.*ref 201: annotation 99 of '
                       'instances.json: a polygon has 3 coordinates'):
        build(data)[0]
    dataset = build(data, on_error='skip')
    assert [dataset.get_data_info(i)['ref_ids'] for i in range(len(dataset))] == [[102], [103]]
    assert sorted(ref for ref, _ in dataset.skipped) == [101, 104, 201]


@pytest.mark.parametrize('content, message', [
    ('[{', 'is no readable JSON, or truncated'), ('{}', r'should hold a list of refs \(objects\) and holds dict'),
    ('[1]', 'holds list with other entries')])
def test_bad_file(tmp_path, content, message):
    path = tmp_path / 'grefs(unc).json'
    path.write_text(content)
    with pytest.raises(RefDataError, match=message):
        load_gref_json(path)


def test_missing_file(build, tmp_path):
    dataset = build(lazy_init=True)
    (tmp_path / 'toy/grefs(unc).json').unlink()
    with pytest.raises(RefDataError, match=r'grefs\(unc\).json is missing; .*github.com/henghuiding/gRefCOCO'):
        dataset.full_init()
    with pytest.raises(RefDataError, match='cannot be read'):
        load_gref_json(tmp_path / 'toy/grefs(unc).json')


def test_refs_without_a_sentence_are_left_out(build, capsys):
    data = gtoy()
    data['refs'][0].update(sentences=[], sent_ids=[])
    dataset = build(data, sample_by='expression')
    assert dataset.skipped == [(101, 'it has no sentence')] and len(dataset) == 9
    data['refs'][1]['ann_id'] = [12345]
    with pytest.raises(RefDataError, match='1 unusable .*\n  ref 102'):
        build(data)
    dataset = build(data, on_error='skip', sample_by='expression')
    assert [ref_id for ref_id, _ in dataset.skipped] == [101, 102]
