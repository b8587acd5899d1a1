"""What ReferDataset says of, or does with, options and data it cannot use."""

import pytest
from PIL import Image
from refer_toy import rle, toy, write_toy
from torch.utils.data import DataLoader

from mmrefseg.datasets import ReferDataset, seeded_dataset
from mmrefseg.errors import RefDataError

PIPELINE = [
    dict(type='LoadRefImage'), dict(type='LoadRefAnnotations'),
    dict(type='RefResize', scale=(32, 32)), dict(type='PackRefInputs')]


@pytest.fixture
def build(tmp_path):
    def build_dataset(data=None, **kwargs):
        return ReferDataset(**{**write_toy(tmp_path / 'data', data), **kwargs})

    return build_dataset


@pytest.mark.parametrize('options, message', [
    (dict(sample_by='word'), "sample_by='word' is unknown; choose from ref, image_refs, expression, image"),
    (dict(text_field='tokens'), "text_field='tokens' is unknown; choose from raw, sent"),
    (dict(on_error='ignore'), "on_error='ignore' is unknown; choose from raise, skip"),
    (dict(sample_by='ref', test_mode=True), "sample_by='ref' draws"),
    (dict(sample_by='ref', shuffle_expressions=True), "sample_by='ref' draws"),
    (dict(sample_by='image_refs', test_mode=True), "sample_by='image_refs' draws"),
    (dict(sample_by='image_refs', max_refs=0), 'max_refs=0'),
    (dict(max_refs=4), "max_refs=4 with sample_by='ref': expected 1 or more, and sample_by='image_refs'"),
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
def test_unusable_ref_is_an_error_or_left_out(build, spoil):
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
def test_unusable_image_is_an_error_or_left_out(build, tmp_path, spoil, message):
    found = write_toy(tmp_path / 'data')
    spoil(tmp_path / 'data/pictures/picture_1.png')
    with pytest.raises(RefDataError, match=message):
        ReferDataset(pipeline=PIPELINE, **found)[0]
    dataset = ReferDataset(pipeline=PIPELINE, on_error='skip', **found)
    assert [ref_id for ref_id, _ in dataset.skipped] == [101, 102, 103, 104]
    assert all('picture_1.png' in reason for _, reason in dataset.skipped)
    assert len(dataset) == 1 and dataset[0]['data_samples'].ref_ids == [201]


@pytest.mark.parametrize('workers', (0, 1))
def test_image_that_fails_later_is_replaced_in_training_only(tmp_path, workers):
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


def test_warning_of_a_replaced_sample_counts(tmp_path, monkeypatch):
    found = write_toy(tmp_path)
    path = tmp_path / 'pictures/picture_1.png'
    path.write_bytes(path.read_bytes()[:200])
    lines = []
    monkeypatch.setattr(seeded_dataset, 'print_log', lambda line, **kwargs: lines.append(line))
    train = ReferDataset(pipeline=PIPELINE, on_error='skip', **found)
    assert [train.prepare_data(0) for _ in range(3)] == [None] * 3
    assert [f'({number} so far): ' in line for number, line in enumerate(lines, start=1)] == [True] * 3
