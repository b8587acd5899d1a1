"""Pixels that count nowhere: read from shapes or values, drawn as 255, left out of loss and metrics."""

import json

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from form_sources import image_bytes, write_cris, write_images
from mmengine.structures import PixelData
from PIL import Image
from refer_toy import square
from triplet_toy import HEIGHT, WIDTH, write_list, write_toy_images

from mmrefseg.command_line import main
from mmrefseg.command_line.test import table
from mmrefseg.datasets import (
    GRefCOCODataset,
    PhraseCutDataset,
    ReasonSegDataset,
    ReferDataset,
    TripletListDataset,
    decode_segmentation,
)
from mmrefseg.errors import RefDataError
from mmrefseg.evaluation import GRefMetric, RefIoUMetric
from mmrefseg.models import RefCrossEntropyLoss
from mmrefseg.structures import RefDataSample

PIPELINE = [dict(type='LoadRefImage'), dict(type='LoadRefAnnotations')]
SMALL = [dict(type='LoadRefImage'), dict(type='RefResize', scale=(30, 20)),
         dict(type='LoadRefAnnotations', size='input'), dict(type='PackRefInputs')]


def box(y0, y1, x0, x1) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y0:y1, x0:x1] = True
    return mask


@pytest.fixture
def options(tmp_path):
    return dict(write_toy_images(tmp_path), pipeline=PIPELINE, sample_by='image', test_mode=True)


def test_shapes_a_row(tmp_path, options):
    """Two objects of an image, of which one ignores the other's place; what is the object's stays the object's."""
    entries = [dict(image='0.png', mask=[square(2, 2, 10)], ignore=[square(8, 2, 10), square(40, 20, 5)], expression='a'),  # noqa: E501
               dict(image='0.png', mask=[square(2, 2, 10)], expression='b')]
    target, region = box(2, 12, 2, 12), box(2, 12, 8, 18) | box(20, 25, 40, 45)
    for ending in ('jsonl', 'csv'):
        if ending == 'csv':
            (tmp_path / 'l.csv').write_text('image,mask,ignore,expression\n' + ''.join(
                '0.png,"{}","{}",{}\n'.format(json.dumps(row['mask']), json.dumps(row.get('ignore', '')).replace('""', ''),  # noqa: E501
                                              row['expression']) for row in entries))
        else:
            write_list(tmp_path / 'l.jsonl', entries)
        dataset = TripletListDataset(f'l.{ending}', **options)
        masks = dataset[0]['gt_seg_map']
        np.testing.assert_array_equal(masks[..., 0], np.where(region & ~target, 255, target))
        np.testing.assert_array_equal(masks[..., 1], target)
    again = TripletListDataset('l.jsonl', **options)  # from the index
    np.testing.assert_array_equal(again[0]['gt_seg_map'], masks)
    small = TripletListDataset('l.jsonl', **{**options, 'pipeline': SMALL})[0]['data_samples'].gt_sem_seg.data.numpy()
    whole = cv2.resize(masks[..., 0], (30, 20), interpolation=cv2.INTER_NEAREST_EXACT)
    np.testing.assert_array_equal(small[0], whole)


@pytest.mark.parametrize('mode', ['L', 'P', 'I;16'])
@pytest.mark.parametrize('place', ['option', 'row'])
def test_values_of_mask_files(tmp_path, options, mode, place):
    values = np.where(box(2, 12, 2, 12), 7, np.where(box(20, 30, 20, 30), 255, 0)).astype(np.uint8)
    image = Image.fromarray(values.astype(np.uint16) if mode == 'I;16' else values)
    if mode == 'P':
        image.putpalette([0] * 768)
    image.save(tmp_path / 'masks/m.png')
    row = dict(image='0.png', mask='m.png', expression='a', **(dict(ignore=255) if place == 'row' else {}))
    name = write_list(tmp_path / 'l.jsonl', [row])
    dataset = TripletListDataset(name, **options, ignore=255 if place == 'option' else None)
    np.testing.assert_array_equal(dataset[0]['gt_seg_map'][..., 0], np.where(values == 7, 1, values))
    with pytest.raises(RefDataError, match='more values than 0 and one more'):
        TripletListDataset(write_list(tmp_path / 'n.jsonl', [dict(image='0.png', mask='m.png', expression='a')]), **options)  # noqa: E501


@pytest.mark.parametrize('ignore', ['x', 1.5, [[1, 2, 'x']], dict(size=[1, 1], counts=[1])])
def test_what_is_none(tmp_path, options, ignore):
    entries = [dict(image='0.png', mask=[square(2, 2, 10)], expression='a', ignore=ignore)]
    with pytest.raises(RefDataError, match='line 1: '):
        TripletListDataset(write_list(tmp_path / 'l.jsonl', entries), **options)


def sample_of(pred, truth) -> RefDataSample:
    sample = RefDataSample(metainfo=dict(expressions=['a'] * len(pred), ori_shape=truth.shape[1:],
                                         img_shape=truth.shape[1:]))
    sample.gt_sem_seg, sample.pred_sem_seg = PixelData(data=truth), PixelData(data=pred)
    return sample


def metric_of(protocol, samples):
    metric = RefIoUMetric(protocol=protocol)
    for pred, truth in samples:
        metric.process({}, [sample_of(pred, truth).to_dict()])
    return metric.evaluate(size=len(samples))


def samples_with_ignored():
    generator = torch.Generator().manual_seed(0)
    samples = []
    for number in range(6):
        truth = torch.randint(0, 3, (2, 9, 7), generator=generator)
        truth[truth == 2] = 255
        pred = torch.randint(0, 2, (2, 9, 7), generator=generator)
        if number == 3:
            truth[0][truth[0] == 1], pred[0] = 0, (truth[0] == 255).long()  # nothing there, nothing found that counts
        samples.append((pred, truth))
    return samples


def test_lisas_metrics_literally():
    """LISA's validation: counts of both classes without ignored pixels; gIoU the mean of IoU, cIoU of all pixels."""
    intersections = unions = 0
    ious = []
    for preds, truths in samples_with_ignored():
        for pred, truth in zip(preds.numpy(), truths.numpy()):
            pred = np.where(truth == 255, 255, pred)
            same = pred[pred == truth]
            inter = np.array([(same == 0).sum(), (same == 1).sum()])
            union = np.array([(pred == k).sum() + (truth == k).sum() for k in (0, 1)]) - inter
            iou = inter / (union + 1e-5)
            iou[union == 0] += 1.0
            ious.append(iou[1])
            intersections, unions = intersections + inter[1], unions + union[1]
    scores = metric_of('lisa', samples_with_ignored())
    assert scores['mIoU'] == pytest.approx(100 * np.mean(ious), abs=1e-3)
    assert scores['oIoU'] == pytest.approx(100 * intersections / unions, abs=1e-9)


def test_phrasecuts_metrics_literally():
    samples = [(pred, (truth == 1).long()) for pred, truth in samples_with_ignored()]
    pairs = [(pred.bool(), truth.bool()) for preds, truths in samples for pred, truth in zip(preds, truths)]
    inter = [int((pred & truth).sum()) for pred, truth in pairs]
    union = [int((pred | truth).sum()) for pred, truth in pairs]
    scores = metric_of('phrasecut', samples)
    assert scores['mIoU'] == pytest.approx(100 * np.mean([i / max(u, 1) for i, u in zip(inter, union)]))
    assert scores['oIoU'] == pytest.approx(100 * sum(inter) / sum(union))


@pytest.mark.parametrize('metric', [RefIoUMetric, GRefMetric])
def test_metrics_say_what_was_left_out(tmp_path, metric, monkeypatch):
    """By hand: two of ten pixels, in one of two expressions."""
    truths = torch.tensor([[[1, 1, 1, 255, 255, 0, 0, 0, 0, 0]], [[1] * 10]])
    preds = torch.tensor([[[1, 1, 0, 1, 0, 1, 0, 0, 0, 0]], [[1] * 10]])
    said = []
    monkeypatch.setattr(f'{metric.__module__}.print_log', lambda text, **options: said.append(text))
    for truth, number in ((truths, 2), (truths % 255, None)):
        evaluated = metric(dump_file=str(tmp_path / 'rows.jsonl'))
        evaluated.process({}, [sample_of(preds, truth).to_dict()])
        scores = evaluated.evaluate(size=1)
        assert scores.get('ignored_pixels') == number
        rows = [json.loads(row) for row in (tmp_path / 'rows.jsonl').read_text().splitlines()]
        assert [row.get('ignored') for row in rows] == ([2, 0] if number else [None, None])
        assert ('2 ground truth pixels of 1 expressions are ignored' in said.pop()) == bool(number)
    assert table(dict(val=dict(oIoU=50.), test=dict(oIoU=25., ignored_pixels=2))).rows == [
        ['val', '50.00', ''], ['test', '25.00', '2']]


def test_an_image_by_hand():
    """Of ten pixels two are ignored: one found there counts in no union, and in no loss."""
    truth = torch.tensor([[[1, 1, 1, 255, 255, 0, 0, 0, 0, 0]]])
    pred = torch.tensor([[[1, 1, 0, 1, 0, 1, 0, 0, 0, 0]]])
    assert metric_of('lisa', [(pred, truth)])['mIoU'] == pytest.approx(100 * 2 / 4)
    logits = torch.randn(1, 2, 1, 10, requires_grad=True)
    RefCrossEntropyLoss()(logits, truth).backward()
    kept = truth[0, 0] != 255
    expected = F.cross_entropy(logits[0, :, 0, kept].T, truth[0, 0, kept])
    assert RefCrossEntropyLoss()(logits, truth).item() == pytest.approx(expected.item(), rel=1e-6)
    assert (logits.grad[..., ~kept] == 0).all() and (logits.grad[..., kept] != 0).all()


@pytest.fixture
def refer(tmp_path):
    """ReasonSeg as a list and in the refer format: targets with and without ignored pixels, these alone."""
    shapes = [('ignore', square(6, 6, 4)), ('target', square(2, 2, 20)), ('ignore', square(30, 10, 10))]
    for number, chosen in enumerate((shapes, shapes[1:2], shapes[2:], [])):
        write_reasonseg(tmp_path / 'source', chosen, name=f'{number}')
    for to in ('list', 'refer'):
        assert main(['to-refer', str(tmp_path / 'source'), str(tmp_path / to), '--to', to, '--allow-empty']) == 0
    return tmp_path


def read_refer(root, **options):
    return GRefCOCODataset(ann_dir=str(root / 'refer'), split='val', data_prefix=dict(img=str(root / 'source')),
                           pipeline=PIPELINE, sample_by='image', test_mode=True, **options)


def test_the_refer_format_keeps_them(refer, capsys):
    listed = TripletListDataset(
        str(refer / 'list/list.jsonl'), data_prefix=dict(img=str(refer / 'source')), split='val', pipeline=PIPELINE,
        sample_by='image', test_mode=True, allow_empty=True)
    kept = [read_refer(refer), read_refer(refer)]  # as read, and from the index
    assert [sample['no_targets'][0] for sample in listed] == [False, False, True, True]
    assert [int((sample['gt_seg_map'] == 255).sum() > 0) for sample in listed] == [1, 0, 1, 0]
    for dataset in kept:
        for sample, other in zip(dataset, listed, strict=True):
            np.testing.assert_array_equal(sample['gt_seg_map'], other['gt_seg_map'])
            assert sample['no_targets'] == other['no_targets'] and sample['expressions'] == other['expressions']


def test_to_refer_says_how_many(refer, capsys):
    assert main(['to-refer', str(refer / 'source'), str(refer / 'again'), '--allow-empty']) == 0
    assert '2 masks have pixels to ignore: ignored_segmentation' in capsys.readouterr().out


def test_several_targets_with_ignored_pixels(refer):
    """What one target ignores and the other is, is the other's; what any ignores is ignored of all."""
    path = refer / 'refer/instances.json'
    instances = json.loads(path.read_text())
    other = dict(instances['annotations'][0], id=50, segmentation=[square(7, 7, 2)],
                 ignored_segmentation=[square(50, 40, 4)])
    path.write_text(json.dumps(dict(instances, annotations=[*instances['annotations'], other])))
    refs = json.loads((refer / 'refer/grefs(unc).json').read_text())
    alone = read_refer(refer)[0]['gt_seg_map'][..., 0]
    (refer / 'refer/grefs(unc).json').write_text(json.dumps([dict(refs[0], ann_id=[refs[0]['ann_id'][0], 50])]))
    expected = alone.copy()
    expected[40:44, 50:54] = 255
    expected[7:9, 7:9] = 1
    assert (alone[7:9, 7:9] == 255).all()
    np.testing.assert_array_equal(read_refer(refer)[0]['gt_seg_map'][..., 0], expected)


@pytest.mark.parametrize('value, message', [
    (5, 'its ignored_segmentation: unknown segmentation kind'), ([[1, 2, 3]], 'odd number'),
    ('x', 'unknown segmentation kind'),
    (dict(size=[3, 3], counts=[9]), 'ignored_segmentation is 3x3 where its picture'),
    ([[1, 2, 3, 4]], 'looks like a box')])
def test_spoilt_in_the_refer_format(refer, value, message):
    path = refer / 'refer/instances.json'
    instances = json.loads(path.read_text())
    instances['annotations'][0]['ignored_segmentation'] = value
    path.write_text(json.dumps(instances))
    with pytest.raises(RefDataError, match=message):
        read_refer(refer)


def test_a_value_of_mask_files_on_the_command_line(tmp_path, capsys):
    """CRIS' masks with a value besides: refused, kept once it is named; in a list as in the refer format."""
    source = write_cris(tmp_path)
    values = np.zeros((48, 64), np.uint8)
    values[8:28, 6:26], values[40:, :] = 7, 200
    Image.fromarray(values).save(tmp_path / 'masks/set/0.png')
    images = write_images(tmp_path / 'images')
    for to in ('list', 'refer'):
        command = ['to-refer', str(source), str(tmp_path / to), '--images', str(images), '--to', to]
        assert main(command) == 2
        assert 'more values than 0 and one more' in capsys.readouterr().err and not list((tmp_path / to).iterdir())
        assert main([*command, '--ignore', '200']) == 0
    options = dict(split='train', data_prefix=dict(img=str(images), mask=str(tmp_path / 'masks/set')),
                   pipeline=PIPELINE, sample_by='expression', test_mode=True)
    for dataset in (TripletListDataset(str(tmp_path / 'list/list.jsonl'), **options),
                    ReferDataset(ann_dir=str(tmp_path / 'refer'), **options)):
        np.testing.assert_array_equal(dataset[0]['gt_seg_map'][..., 0], np.where(values == 200, 255, values == 7))


def write_reasonseg(folder, shapes, split='val', name='0'):
    (folder / split).mkdir(parents=True, exist_ok=True)
    (folder / split / f'{name}.jpg').write_bytes(image_bytes(0))
    (folder / split / f'{name}.json').write_text(json.dumps(dict(
        text=['which one?', 'the other?'], is_sentence=True, shapes=[
            dict(label=label, points=[points[i:i + 2] for i in range(0, len(points), 2)]) for label, points in shapes])))  # noqa: E501


def test_reasonseg(tmp_path):
    """Drawn in the order of their areas, whatever the file's: a target on ignored pixels, an ignored hole in a target."""  # noqa: E501
    shapes = [('ignore', square(6, 6, 4)), ('target', square(2, 2, 20)), ('ignore_1', square(30, 10, 30)),
              ('target', square(40, 20, 5)), ('flag', square(0, 0, 40))]
    write_reasonseg(tmp_path, shapes)
    write_reasonseg(tmp_path, [('ignore', square(3, 3, 9))], name='1')  # without a target
    assert main(['to-refer', str(tmp_path), str(tmp_path), '--to', 'list', '--allow-empty']) == 0
    expected = np.zeros((48, 64), np.uint8)
    for label, outline in (shapes[2], shapes[1], shapes[3], shapes[0]):
        points = np.array(outline, np.int32).reshape(1, -1, 2)
        cv2.polylines(expected, points, True, 255 if 'ignore' in label else 1, 1)
        cv2.fillPoly(expected, points, 255 if 'ignore' in label else 1)
    dataset = ReasonSegDataset(data_root=str(tmp_path), split='val', pipeline=PIPELINE, sample_by='image', test_mode=True)  # noqa: E501
    sample = dataset[0]
    assert sample['expressions'] == ['which one?', 'the other?']
    for number in range(2):
        np.testing.assert_array_equal(sample['gt_seg_map'][..., number], expected)
    assert dataset[1]['no_targets'] == [True, True] and not (dataset[1]['gt_seg_map'] == 1).any()


def test_phrasecut(tmp_path):
    """All parts of all instances are one mask."""
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/7.jpg').write_bytes(image_bytes(0))
    outlines = [square(2, 2, 10), square(8, 8, 10), square(40, 20, 5)]
    instances = [[outlines[0], outlines[1]], [outlines[2]]]
    (tmp_path / 'refer_miniv.json').write_text(json.dumps([dict(
        task_id='7__1', image_id=7, phrase='black birds', instance_boxes=[], Polygons=[
            [[part[i:i + 2] for i in range(0, len(part), 2)] for part in instance] for instance in instances])]))
    assert main(['to-refer', str(tmp_path), str(tmp_path), '--to', 'list', '--images', str(tmp_path / 'images')]) == 0
    dataset = PhraseCutDataset(data_root=str(tmp_path), data_prefix=dict(img='images'), split='miniv', pipeline=PIPELINE)  # noqa: E501
    union = np.zeros((48, 64), np.uint8)
    for outline in outlines:
        union |= decode_segmentation([outline], 48, 64)
    np.testing.assert_array_equal(dataset[0]['gt_seg_map'][..., 0], union)
