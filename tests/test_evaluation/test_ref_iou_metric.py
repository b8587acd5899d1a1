"""The metric against its formulas, and every error."""

import csv
import json
import logging
import math
import random

import numpy as np
import pytest
import torch
from metric_inputs import masks_sample, one_by_one
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.structures import PixelData
from PIL import Image

from mmrefseg.errors import RefDataError
from mmrefseg.evaluation import LENGTH_GROUPS, PROTOCOLS, RefIoUMetric, get_protocol
from mmrefseg.evaluation.scores import mean_iou
from mmrefseg.registry import METRICS
from mmrefseg.structures import RefDataSample

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
WORDS = 'man', 'the dog', 'a red bus', 'person at far left', 'two of the men in blue near the car'


@pytest.fixture
def log():
    """The messages of mmengine's current logger."""
    messages = []

    class Keep(logging.Handler):

        def emit(self, record):
            messages.append(record.getMessage())

    logger, handler = MMLogger.get_current_instance(), Keep(logging.INFO)
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


def blobs(rng, size):
    """A mask of random rectangles, at times empty."""
    mask = np.zeros(size, dtype=np.uint8)
    for _ in range(rng.integers(0, 3)):
        y, x = rng.integers(0, size[0]), rng.integers(0, size[1])
        mask[y:y + rng.integers(1, size[0]), x:x + rng.integers(1, size[1])] = 1
    return mask


def make_sample(index, eval_size='input', count=5, seed=0):
    """A data sample of one picture with `count` expressions."""
    rng = np.random.default_rng([seed, index])
    own, seen = (20 + index, 31), (24, 24)
    size = seen if eval_size == 'input' else own
    truth = np.stack([blobs(rng, own) for _ in range(count)])
    truth[rng.random(truth.shape) < 0.05] = 255
    # Often near the truth, so that IoUs reach every threshold; sometimes empty.
    pred = np.stack([np.asarray(Image.fromarray(mask).resize(size[::-1], Image.NEAREST)) == 1
                     for mask in truth])
    pred ^= rng.random(pred.shape) < rng.choice([0, 0.01, 0.1])
    sample = RefDataSample(metainfo=dict(
        img_path=f'picture_{index}.jpg', image_id=100 + index, sample_idx=index, ori_shape=own,
        img_shape=seen, expressions=[f'{WORDS[i % 5]}' for i in range(count)],
        ref_ids=[10 * index + i for i in range(count)], sent_ids=[i + 1 for i in range(count)]))
    sample.gt_sem_seg = PixelData(data=torch.from_numpy(truth))
    sample.pred_sem_seg = PixelData(data=torch.from_numpy(pred.astype(np.uint8)))
    return sample


def literal_scores(samples, protocol):
    """The formulas, pixel by pixel and expression by expression."""
    total_intersection = total_union = ignored = 0
    ious = []
    for sample in samples:
        for pred, truth in zip(sample.pred_sem_seg.data.numpy(), sample.gt_sem_seg.data.numpy()):
            truth = np.asarray(Image.fromarray(truth).resize(pred.shape[::-1], Image.NEAREST))
            intersection = union = 0
            for p, t in zip(pred.flatten().tolist(), truth.flatten().tolist()):
                if t == 255:
                    ignored += 1
                    continue
                intersection += p == 1 and t == 1
                union += p == 1 or t == 1
            total_intersection += intersection
            total_union += union
            ious.append(intersection / union if union else protocol.empty_union_iou)
    scores = dict(oIoU=100 * total_intersection / total_union, mIoU=100 * sum(ious) / len(ious))
    for x in THRESHOLDS:
        passed = [iou >= x if protocol.inclusive else iou > x for iou in ious]
        scores[f'P@{x}'] = 100 * sum(passed) / len(ious)
    return dict(scores, ignored_pixels=ignored)


def evaluate(samples, size=None, **kwargs):
    evaluator = Evaluator(RefIoUMetric(**kwargs))
    evaluator.process(samples)
    return evaluator.evaluate(len(samples) if size is None else size)


@pytest.mark.parametrize('name', sorted(PROTOCOLS))
def test_agrees_with_the_formulas(name):
    protocol = PROTOCOLS[name]
    samples = [make_sample(i, protocol.eval_size) for i in range(8)]
    scores, expected = evaluate(samples, protocol=name), literal_scores(samples, protocol)
    assert list(scores) == list(expected)
    assert scores == pytest.approx(expected, abs=1e-9)
    assert 0 < scores['P@0.9'] < scores['P@0.5'] < 100


def test_protocols_of_the_codes():
    def of(name):
        protocol = PROTOCOLS[name]
        return protocol.eval_size, protocol.threshold, protocol.inclusive, protocol.empty_union_iou

    for name in ('lavt', 'sadlr', 'rmsin', 'rela', 'caris'):
        assert of(name) == ('input', None, True, 0)
    for name in ('cris', 'etris'):
        assert of(name) == ('original', 0.35, False, 0)
    assert of('vlt') == ('original', 0.35, False, 1)
    assert of('lts') == ('original', 0.25, False, 0)


@pytest.mark.parametrize('name', ['lavt', 'vlt'])
def test_grouped_and_one_by_one_are_identical(name):
    grouped = [make_sample(i, PROTOCOLS[name].eval_size, seed=1) for i in range(6)]
    single = [part for i, sample in enumerate(grouped) for part in one_by_one(sample, 5 * i)]
    random.Random(0).shuffle(single)
    assert evaluate(grouped, protocol=name) == evaluate(single, protocol=name)


def test_mean_does_not_depend_on_the_order():
    iou = np.random.default_rng(0).random(1000)
    assert {mean_iou(np.roll(iou, shift)) for shift in range(0, 1000, 50)} == {mean_iou(iou)}


def test_batches_do_not_matter():
    samples = [make_sample(i) for i in range(5)]
    evaluator = Evaluator(RefIoUMetric())
    for batch in (samples[:2], samples[2:3], samples[3:]):
        evaluator.process(batch)
    assert evaluator.evaluate(5) == evaluate(samples)


@pytest.mark.parametrize('inclusive,expected', [(True, 100.), (False, 0.)])
@pytest.mark.parametrize('threshold,pred,truth', [(0.5, [1, 0], [1, 1]),
                                                  (0.6, [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]),
                                                  (0.9, [1] * 9 + [0], [1] * 10)])
def test_precision_at_exactly_the_threshold(inclusive, expected, threshold, pred, truth):
    scores = evaluate([masks_sample([pred], [truth])], inclusive=inclusive)
    assert scores[f'P@{threshold}'] == expected


def test_nothing_waits_for_the_device():
    """Predictions without values stand for those on a device: counting them must ask for none."""
    metric = RefIoUMetric()
    for index in range(2):
        sample = make_sample(index)
        sample.pred_sem_seg = PixelData(data=sample.pred_sem_seg.data.to('meta'))
        sample.pred_prior = PixelData(data=torch.empty(len(sample.expressions), 3, 4, device='meta'))
        metric.process(None, [sample.to_dict()])
    assert [entry['counts'].device.type for entry in metric.results] == ['meta', 'meta']


@pytest.mark.parametrize('empty,mean', [(0, 25.), (1, 75.)])
def test_empty_union(empty, mean):
    sample = masks_sample([[0, 0], [1, 0]], [[0, 255], [1, 1]])
    scores = evaluate([sample], empty_union_iou=empty)
    assert scores['oIoU'] == 50 and scores['mIoU'] == mean
    nothing = masks_sample([[0, 0]], [[0, 0]])
    assert evaluate([nothing], empty_union_iou=empty)['oIoU'] == 100 * empty


def test_ignored_pixels_do_not_count():
    samples = [masks_sample([[1, 1, 1, 0]], [[1, 0, 255, 255]])]
    assert evaluate(samples)['oIoU'] == 50
    # Class 2 as the ignored one: now 255 is background.
    samples = [masks_sample([[1, 1, 1, 0]], [[1, 2, 255, 255]])]
    assert evaluate(samples, ignore_index=2)['oIoU'] == 50


def test_overrides_and_prefix():
    sample = make_sample(0, 'original')
    scores = evaluate([sample], protocol='lavt', eval_size='original', prefix='val', thresholds=[0.25])
    assert list(scores) == ['val/oIoU', 'val/mIoU', 'val/P@0.25', 'val/ignored_pixels']
    assert get_protocol('vlt', inclusive=True, empty_union_iou=None).empty_union_iou == 1


def test_registered(log):
    metric = METRICS.build(dict(type='RefIoUMetric', protocol='cris'))
    assert isinstance(metric, RefIoUMetric) and metric.protocol == PROTOCOLS['cris']
    assert not any('prefix' in message for message in log)


def test_table_in_the_log(log):
    evaluate([make_sample(0)], protocol='sadlr')
    table = next(message for message in log if 'RefIoUMetric' in message)
    for part in ("'sadlr'", 'input size', 'IoU >= X', '5 expressions in 1 samples', 'oIoU', 'P@0.9'):
        assert part in table


def test_oiou_by_length(log):
    samples = [make_sample(i, seed=2) for i in range(4)]
    groups = [(1, 1), (2, 4), (5, 5)]
    scores = evaluate(samples, length_groups=groups)
    single = [part for i, sample in enumerate(samples) for part in one_by_one(sample, 5 * i)]
    for key, (low, high) in {'oIoU[1]': groups[0], 'oIoU[2-4]': groups[1]}.items():
        chosen = [s for s in single if low <= len(s.expressions[0].split()) <= high]
        for i, sample in enumerate(chosen):
            sample.set_metainfo(dict(sample_idx=i))
        assert scores[key] == evaluate(chosen)['oIoU']
    assert math.isnan(scores['oIoU[5]'])
    assert any('4 expressions of 9 to 9 words are in no group' in message for message in log)


@pytest.mark.parametrize('name', sorted(LENGTH_GROUPS))
def test_named_length_groups_leave_no_gap(name):
    groups = LENGTH_GROUPS[name]
    assert groups[0][0] == 1 and groups[-1][1] == 20
    assert all(low[1] + 1 == high[0] for low, high in zip(groups, groups[1:]))
    assert RefIoUMetric(length_groups=name).length_groups == groups


@pytest.mark.parametrize('suffix', ['csv', 'jsonl'])
def test_dump(tmp_path, suffix):
    path = tmp_path / f'results.{suffix}'
    samples = [make_sample(i, count=2) for i in range(2)]
    samples[0].set_metainfo(dict(expressions=['la niña, a la "izquierda"', '女の子']))
    scores = evaluate(samples, dump_file=str(path))
    with open(path, encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file)) if suffix == 'csv' else [json.loads(line) for line in file]
    assert [row['expression'] for row in rows[:2]] == samples[0].expressions
    assert [int(row['ref_id']) for row in rows] == [0, 1, 10, 11]
    assert [int(row['sent_id']) for row in rows] == [1, 2, 1, 2]
    assert [row['img_path'] for row in rows] == ['picture_0.jpg'] * 2 + ['picture_1.jpg'] * 2
    assert [int(row['image_id']) for row in rows] == [100, 100, 101, 101]
    total = [sum(int(row[key]) for row in rows) for key in ('intersection', 'union')]
    assert 100 * total[0] / total[1] == scores['oIoU']
    assert 100 * sum(float(row['iou']) for row in rows) / 4 == pytest.approx(scores['mIoU'])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_dump_without_ids(tmp_path):
    path = tmp_path / 'results.jsonl'
    evaluate([masks_sample([[1]], [[1]])], dump_file=str(path))
    row = json.loads(path.read_text())
    assert row['ref_id'] is None and row['sent_id'] is None and row['iou'] == 1


def test_interrupted_dump_leaves_the_old_file(tmp_path):
    path = tmp_path / 'results.jsonl'
    path.write_text('old')
    with pytest.raises(TypeError):
        evaluate([masks_sample([[1]], [[1]], image_id={1})], dump_file=str(path))
    assert path.read_text() == 'old' and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize('arguments,message', [
    (dict(protocol='mcn'), r"no evaluation protocol 'mcn'; there are \['caris'.*'vlt'\]"),
    (dict(eval_size='big'), "eval_size is 'big', expected 'input' or 'original'"),
    (dict(empty_union_iou=2), 'empty_union_iou is 2, expected an IoU'),
    (dict(thresholds=[50]), r'thresholds are \(50,\), expected IoUs'),
    (dict(length_groups='coco'), r"no length groups 'coco'; there are \['refcoco'"),
    (dict(length_groups=[(3, 2)]), r'a length group is \(3, 2\), expected a pair'),
    (dict(length_groups=[4]), 'a length group is 4, expected a pair'),
    (dict(dump_file='results.pkl'), r"dump_file is 'results.pkl', expected a name ending in"),
])
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        RefIoUMetric(**arguments)


@pytest.mark.parametrize('changes,message', [
    (dict(gt_sem_seg=None), 'folder/a.jpg has no gt_sem_seg: .*LoadRefAnnotations'),
    (dict(pred_sem_seg=None), 'folder/a.jpg has no pred_sem_seg'),
    (dict(expressions=None), 'folder/a.jpg has no expressions: .*PackRefInputs'),
    (dict(expressions=['a', 'b', 'c']), 'folder/a.jpg: 3 expressions, 2 predicted masks and 2 true'),
    (dict(gt_sem_seg=dict(data=torch.zeros(1, 1, 2))), '2 expressions, 2 predicted .* and 1 true'),
    (dict(gt_sem_seg=dict(data=torch.zeros(1, 2))), r'gt_sem_seg has the shape \(1, 2\), expected'),
    (dict(ref_ids=[1]), 'folder/a.jpg: 1 ref_ids for 2 expressions'),
    (dict(img_shape=(4, 4)), r"prediction is \(1, 2\).*model.test_cfg.eval_size='input'"),
    (dict(gt_sem_seg=dict(data=torch.zeros(2, 3, 3)), ori_shape=(6, 6)),
     r'ground truth is \(3, 3\), but the picture is \(6, 6\): LoadRefAnnotations must come after'),
])
def test_bad_samples(changes, message):
    with pytest.raises(RefDataError, match=message):
        RefIoUMetric().process(None, [masks_sample([[1, 0]] * 2, [[1, 1]] * 2, **changes)])


@pytest.mark.parametrize('changes', [dict(ori_shape=(5, 5)), dict(
    gt_sem_seg=dict(data=torch.zeros(2, 5, 5)))])
def test_original_size_needs_predictions_of_that_size(changes):
    with pytest.raises(RefDataError, match=r"model.test_cfg.eval_size='original'"):
        RefIoUMetric(protocol='cris').process(
            None, [masks_sample([[1, 0]] * 2, [[1, 1]] * 2, **changes)])


@pytest.mark.parametrize('samples,size', [([], 0), ([], 4), ([masks_sample([[1]], [[1]])], 0)])
def test_nothing_to_evaluate(samples, size):
    with pytest.raises(RefDataError, match='nothing to evaluate'):
        evaluate(samples, size)


@pytest.mark.parametrize('protocol,passed', [
    ('lavt', {0.5, 0.6, 0.7, 0.8, 0.9}), ('lts', set()), ('cris', {0.7, 0.9}), ('etris', {0.7, 0.9}),
    ('vlt', {0.7, 0.9})])
def test_exact_ties_are_those_of_the_codes(protocol, passed):
    """An IoU of exactly X: CRIS and VLT compare with X in single precision, which is below 0.7 and 0.9."""
    assert {x for x in THRESHOLDS if float(np.float32(x)) < x} == {0.7, 0.9}
    for tenths in range(5, 10):
        sample = RefDataSample(metainfo=dict(expressions=['a'], img_shape=(1, 10), ori_shape=(1, 10), sample_idx=0))
        sample.gt_sem_seg = PixelData(data=torch.ones(1, 1, 10, dtype=torch.uint8))
        sample.pred_sem_seg = PixelData(data=(torch.arange(10) < tenths).to(torch.uint8)[None, None])
        metric = RefIoUMetric(protocol=protocol)
        metric.process(None, [sample.to_dict()])
        scores = metric.evaluate(1)
        assert (scores[f'P@0.{tenths}'] == 100) == (tenths / 10 in passed), tenths
