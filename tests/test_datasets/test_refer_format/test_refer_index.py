"""Reading the two annotation files into flat arrays."""

import gc
import json
import re
from copy import deepcopy

import numpy as np
import pytest
from refer_toy import rle, toy, write_toy

from mmrefseg.datasets import ReferIndex, read_refer_index
from mmrefseg.datasets.refer_format.reader import gc_paused
from mmrefseg.errors import RefDataError


def read(folder, data=None, **kwargs):
    write_toy(folder, data, images=False, **kwargs)
    return read_refer_index(folder / 'toy' / 'instances.json', folder / 'toy' / 'refs(unc).p')


def problem(data, folder):
    """The one problem of the ref 101 (row 0)."""
    index = read(folder, data)
    assert index.problem_ref.tolist() == [0]
    return str(index.problem_text[0])


@pytest.mark.parametrize('protocol', (0, 2, 4))
def test_holds_what_the_files_say(tmp_path, protocol):
    data = toy()
    index = read(tmp_path, data, protocol=protocol)
    assert index.split_names.tolist() == ['train', 'val']
    assert index.ann_id.tolist() == [11, 12, 13, 21, 31], 'no ref names annotation 99'
    assert index.ref_id.tolist() == [ref['ref_id'] for ref in data['refs']]
    segmentations = {a['id']: a['segmentation'] for a in data['instances']['annotations']}
    for row, ref in enumerate(data['refs']):
        image = index.ref_image[row]
        assert index.image_id[image] == ref['image_id']
        assert index.image_name[image] == f'picture_{ref["image_id"]}.png'
        assert index.split_names[index.ref_split[row]] == ref['split']
        rows = index.expressions_of_refs(np.array([row]))
        assert (index.expression_ref[rows] == row).all()
        assert index.sent_id[rows].tolist() == ref['sent_ids']
        for field in ('raw', 'sent'):
            assert [index.expression_text(s, field) for s in rows] == [
                sentence[field] for sentence in ref['sentences']]
        if ref['ann_id'] != 31:  # uncompressed counts come back compressed
            assert index.segmentation(index.ref_object[row]) == segmentations[ref['ann_id']]
    assert index.segmentation(4) == rle(48, 48, slice(10, 30), slice(0, 1))
    assert not len(index.problem_ref)


def test_refs_and_expressions_of_a_split(tmp_path):
    index = read(tmp_path)
    assert index.refs_of_split('train').tolist() == [0, 1, 2, 3, 4]
    assert index.refs_of_split('val').tolist() == [5]
    assert not len(index.refs_of_split('Train'))
    assert index.expressions_of_refs(np.array([3, 0])).tolist() == [6, 7, 0, 1, 2]
    assert not len(index.expressions_of_refs(np.array([], np.int64)))


def test_arrays_round_trip_through_a_file_without_pickle(tmp_path):
    index = read(tmp_path)
    np.savez(tmp_path / 'index.npz', **index.to_arrays())
    with np.load(tmp_path / 'index.npz', allow_pickle=False) as arrays:
        again = ReferIndex.from_arrays(dict(arrays))
    assert again.expression_text(3) == index.expression_text(3)
    assert again.segmentation(3) == index.segmentation(3)


def test_cannot_be_changed_and_is_shared_by_copies(tmp_path):
    index = read(tmp_path)
    assert deepcopy(index) is index
    with pytest.raises(ValueError, match='read-only'):
        index.ref_id[0] = 5


@pytest.mark.parametrize('enabled', (True, False))
def test_gc_is_put_back(enabled):
    before = gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        with pytest.raises(KeyError), gc_paused():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() == enabled
    finally:
        gc.enable() if before else gc.disable()


@pytest.mark.parametrize('dump', [
    json.dumps, lambda data: json.dumps(data, indent=2),
    lambda data: json.dumps(data, separators=(',', ':'), sort_keys=True),
    lambda data: re.sub(r'(?<!\\)": ', '"\n:\r\n ', json.dumps(data, indent='\t'))])
def test_any_layout_of_json(tmp_path, dump):
    """Segmentations are kept as text until they are wanted: nothing that looks like them may confuse that."""
    data = toy()
    annotations = data['instances']['annotations']
    expected = {a['id']: a['segmentation'] for a in annotations}
    annotations[0].update(note='"segmentation": [[7, 7, 7, 7, 7, 7]] }', other=[{}, '}', ['"']])
    annotations[1]['a "segmentation'] = [[1, 2]]
    annotations[2]['segmentation'] = annotations[2].pop('segmentation')  # the last key
    data['instances']['images'][0]['segmentation'] = [[1, 2], [3]]
    data['instances']['info'] = dict(segmentation=[], text='"segmentation"', more=[{'a': ']]'}])
    write_toy(tmp_path, images=False)
    (tmp_path / 'toy' / 'instances.json').write_text(dump(data['instances']))
    index = read_refer_index(tmp_path / 'toy' / 'instances.json', tmp_path / 'toy' / 'refs(unc).p')
    for row, ann_id in enumerate(index.ann_id.tolist()):
        if ann_id != 31:
            assert index.segmentation(row) == expected[ann_id]


@pytest.mark.parametrize('segmentation, message', [
    ([], 'annotation 11 of .*instances.json: its segmentation is empty'),
    ([[1.0, 2.0, 3.0, 4.0]], 'segmentation looks like a box'),
    (None, 'unknown segmentation kind.*NoneType'),
    (5, 'unknown segmentation kind.*int 5'),
    ('text', 'unknown segmentation kind.*str .text'),
    ([[1, 2, 'x', 4, 5, 6]], 'unknown segmentation kind'),
    ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 'unknown segmentation kind.*float'),
    ([[1, 2, 3, 4, 5, 6, 7]], '7 coordinates, an odd number'),
    ([{'counts': 'x'}], 'unknown segmentation kind.*counts without a size'),
    (rle(60, 40, slice(3), slice(3)), 'its mask is 60x40 where its picture picture_1.png is 40x60'),
    ([rle(30, 60, slice(3), slice(3)), rle(40, 60, slice(3), slice(3))], 'its mask is 30x60 where its picture'),
    ([rle(50, 60, slice(3), slice(3)), rle(40, 60, slice(3), slice(3))], 'its mask is 50x60 where its picture'),
])
def test_unusable_segmentations_are_listed(tmp_path, segmentation, message):
    data = toy()
    del data['refs'][3]  # the other ref of object 11
    data['instances']['annotations'][0]['segmentation'] = segmentation
    assert re.search(message, problem(data, tmp_path))


def test_refs_without_annotation_image_or_words_are_listed(tmp_path):
    data = toy()
    data['refs'][0]['ann_id'] = 12345
    assert 'its annotation 12345 is not in' in problem(data, tmp_path / 'a')
    data = toy()
    data['refs'][0]['image_id'] = 54321
    assert 'its image 54321 is not among the images' in problem(data, tmp_path / 'b')
    data = toy()
    data['refs'][0]['sentences'] = []
    assert problem(data, tmp_path / 'c') == 'it has no expression'
    data = toy()
    data['refs'][0]['ann_id'] = 21
    assert problem(data, tmp_path / 'd') == 'its annotation 21 belongs to another image than 1 in instances.json'


@pytest.mark.parametrize('image_id', [None, '1', 1.0])
def test_the_image_of_an_annotation_need_not_be_stated(tmp_path, image_id):
    data = toy()
    for annotation in data['instances']['annotations'][:3]:
        annotation['image_id'] = image_id
        if image_id is None:
            del annotation['image_id']
    assert not len(read(tmp_path, data).problem_ref)


@pytest.mark.parametrize('key, value', [
    ('ann_id', None), ('ann_id', [11]), ('image_id', 'x'), ('sentences', 5),
    ('sentences', [dict(raw='no sent_id')]), ('sentences', [dict(sent_id=1, raw=b'bytes')]),
    ('sentences', [dict(sent_id=1, raw=5)]), ('split', KeyError), ('sentences', KeyError)])
def test_refs_of_another_format(tmp_path, key, value):
    data = toy()
    data['refs'][1][key] = value
    if value is KeyError:
        del data['refs'][1][key]
    with pytest.raises(RefDataError, match=r'refs\(unc\)\.p: entry 1 \(ref 102\) is not of the '):
        read(tmp_path, data, protocol=4)


@pytest.mark.parametrize('content, message', [
    ('', 'no readable JSON'), ('{"images": [', 'no readable JSON'),
    ('{"images": [], "annotations": [{"id": 11, "segmentation": [[1, 2', 'no readable JSON'),
    ('{"images": [], "annotations": [{"id": 11, "segmentation": [[1, 2,, 3]]}]}', 'no readable JSON'),
    ('[]', 'not of the form'), ('{"images": []}', 'not of the form.*`annotations`'),
    ('{"images": [{"id": 1, "height": 5}], "annotations": []}', 'not of the form.*`file_name`'),
    ('{"images": [{}], "annotations": []}', 'not of the form.*`id`')])
def test_broken_instances(tmp_path, content, message):
    write_toy(tmp_path, images=False)
    (tmp_path / 'toy' / 'instances.json').write_text(content)
    with pytest.raises(RefDataError, match=f'instances.json .*{message}'):
        read_refer_index(tmp_path / 'toy' / 'instances.json', tmp_path / 'toy' / 'refs(unc).p')


@pytest.mark.parametrize('name', ['instances.json', 'refs(unc).p'])
def test_missing_file(tmp_path, name):
    write_toy(tmp_path, images=False)
    (tmp_path / 'toy' / name).unlink()
    with pytest.raises(RefDataError, match=rf'{re.escape(name)} cannot be read: No such file'):
        read_refer_index(tmp_path / 'toy' / 'instances.json', tmp_path / 'toy' / 'refs(unc).p')
