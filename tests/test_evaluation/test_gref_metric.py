"""The metric of generalized referring segmentation against GRES' definitions, written out case by case."""

import csv
import math
import random

import numpy as np
import pytest
import torch
from metric_inputs import masks_sample, one_by_one
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData

from mmrefseg.errors import RefDataError
from mmrefseg.evaluation import GRefMetric
from mmrefseg.registry import METRICS
from mmrefseg.structures import RefDataSample

SIZE = 12
NAMES = ['gIoU', 'cIoU', 'N-acc', 'T-acc', 'P@0.7', 'P@0.8', 'P@0.9']


def rectangles(rng, count):
    """The union of some rectangles: the mask of ``count`` targets, possibly one upon another."""
    mask = np.zeros((SIZE, SIZE), bool)
    for _ in range(count):
        y, x = rng.integers(0, SIZE - 4, 2)
        mask[y:y + rng.integers(1, 6), x:x + rng.integers(1, 6)] = True
    return mask


def make_samples(expressions=1000):
    """Samples of one to eight expressions for none, one or several targets; predictions of all degrees."""
    rng = np.random.default_rng(0)
    samples = []
    while expressions:
        count = min(int(rng.integers(1, 9)), expressions)
        expressions -= count
        targets = rng.choice([0, 1, 2, 4], count, p=[0.3, 0.3, 0.2, 0.2])
        truth = np.stack([rectangles(rng, number) for number in targets])
        pred = truth ^ (rng.random(truth.shape) < rng.choice([0, 0.01, 0.1, 0.5], (count, 1, 1)))
        pred[rng.random(count) < 0.2] = False
        truth = truth.astype(np.uint8)
        truth[rng.random(truth.shape) < 0.02] = 255
        sample = RefDataSample(metainfo=dict(
            expressions=[f'{number} of them' for number in targets], no_targets=(targets == 0).tolist(),
            sample_idx=len(samples), img_path=f'{len(samples)}.jpg', ref_ids=list(range(count)),
            sent_ids=list(range(count)), img_shape=(SIZE, SIZE), ori_shape=(SIZE, SIZE)))
        sample.gt_sem_seg = PixelData(data=torch.from_numpy(truth))
        sample.pred_sem_seg = PixelData(data=torch.from_numpy(pred.astype(np.uint8)))
        sample.pred_existence = torch.from_numpy(rng.random(count).astype(np.float32))
        samples.append(sample)
    return samples


def literal_scores(samples, min_pixels=1, existence_threshold=None):
    """GRES' definitions and, with a threshold, the evaluator of ReLA's code: expression by expression."""
    ious, passed = [], {x: 0 for x in (0.7, 0.8, 0.9)}
    cumulated_intersection = cumulated_union = ignored = 0
    true_positives = false_negatives = true_negatives = false_positives = 0
    for sample in samples:
        for i, no_target in enumerate(sample.no_targets):
            truth = sample.gt_sem_seg.data[i].numpy()
            ignored += int((truth == 255).sum())
            pred = (sample.pred_sem_seg.data[i].numpy() == 1) & (truth != 255)
            truth = truth == 1
            if existence_threshold is None:
                none = int(pred.sum()) < min_pixels
                if none:
                    pred = np.zeros_like(pred)  # cleared
            else:
                none = float(sample.pred_existence[i]) <= existence_threshold
            intersection, union = int((pred & truth).sum()), int((pred | truth).sum())
            if no_target:
                if none:
                    true_positives += 1
                    ious.append(1)
                else:
                    false_negatives += 1
                    ious.append(0)
                    cumulated_union += union
                continue
            if none:
                false_positives += 1
                intersection = 0
            else:
                true_negatives += 1
            iou = intersection / union if union else 0
            ious.append(iou)
            cumulated_intersection += intersection
            cumulated_union += union
            for x in passed:
                passed[x] += iou >= x
    with_target = true_negatives + false_positives
    return {
        'gIoU': 100 * sum(ious) / len(ious),
        'cIoU': 100 * cumulated_intersection / cumulated_union,
        'N-acc': 100 * true_positives / (true_positives + false_negatives),
        'T-acc': 100 * true_negatives / with_target,
        **{f'P@{x}': 100 * count / with_target for x, count in passed.items()},
        'ignored_pixels': ignored,
    }


def evaluate(samples, **kwargs):
    evaluator = Evaluator(GRefMetric(**kwargs))
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


@pytest.fixture(scope='module')
def samples():
    return make_samples()


@pytest.mark.parametrize('options', [{}, dict(min_pixels=9), dict(existence_threshold=0.4)], ids=str)
def test_agrees_with_the_definitions(samples, options):
    kinds = [text.split()[0] for sample in samples for text in sample.expressions]
    assert len(kinds) == 1000 and min(kinds.count(kind) for kind in '0124') > 100
    scores, expected = evaluate(samples, **options), literal_scores(samples, **options)
    assert list(scores) == [*NAMES, 'ignored_pixels']
    assert scores == pytest.approx(expected, abs=1e-9)
    assert 0 < scores['P@0.9'] < scores['P@0.7'] < 100 and 0 < scores['N-acc'] < 100 and 0 < scores['T-acc'] < 100


def test_the_three_ways_differ(samples):
    ways = [evaluate(samples, **options) for options in ({}, dict(min_pixels=9), dict(existence_threshold=0.4))]
    for name in NAMES[:4]:
        assert len({way[name] for way in ways}) == 3


def test_grouped_and_one_by_one_are_identical(samples):
    single = []
    for sample in samples[:60]:
        for i, part in enumerate(one_by_one(sample, len(single))):
            part.set_metainfo(dict(no_targets=sample.no_targets[i:i + 1]))
            part.pred_existence = sample.pred_existence[i:i + 1]
            single.append(part)
    random.Random(0).shuffle(single)
    for options in ({}, dict(existence_threshold=0.4)):
        assert evaluate(samples[:60], **options) == evaluate(single, **options)


@pytest.mark.parametrize('pred, truth, expected', [
    ([0, 0], [0, 0], (100, math.nan, 100, math.nan, math.nan)),  # a right "none" is in no sum of cIoU
    ([1, 0], [0, 0], (0, 0, 0, math.nan, math.nan)),
    ([0, 0], [1, 1], (0, 0, math.nan, 0, 0)),
    ([1, 0], [0, 1], (0, 0, math.nan, 100, 0)),  # wrong, but not "none"
])
def test_each_case(pred, truth, expected):
    scores = evaluate([masks_sample([pred], [truth])], thresholds=[0.7])
    assert list(scores.values()) == pytest.approx(expected, nan_ok=True)


def test_the_annotation_says_what_has_no_target():
    """An object that vanishes at the compared size is still a target."""
    vanished = masks_sample([[0, 0]], [[0, 0]], no_targets=[False])
    assert evaluate([vanished])['T-acc'] == 0 and math.isnan(evaluate([vanished])['N-acc'])
    # Without annotation, the truth at its own size decides.
    truth = torch.zeros(1, 4, 4, dtype=torch.uint8)
    truth[0, 3, 3] = 1
    sample = masks_sample([[0, 0]], [[0, 0]], gt_sem_seg=dict(data=truth), ori_shape=(4, 4), img_shape=(1, 2))
    assert evaluate([sample])['T-acc'] == 0


def test_the_mask_of_a_missed_target_counts_in_relas_code_alone():
    sample = masks_sample([[1, 1, 0]], [[0, 0, 1]], no_targets=[False], pred_existence=torch.tensor([0.1]))
    other = masks_sample([[1]], [[1]], no_targets=[False], pred_existence=torch.tensor([0.9]))
    assert evaluate([sample, other], existence_threshold=0.5)['cIoU'] == 25
    cleared = masks_sample([[0, 0, 0]], [[0, 0, 1]], no_targets=[False])
    assert evaluate([cleared, other])['cIoU'] == 50


def test_dump(tmp_path, samples):
    path = tmp_path / 'results.csv'
    scores = evaluate(samples[:20], dump_file=str(path))
    with open(path, newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(sample.expressions) for sample in samples[:20])
    assert 100 * sum(float(row['iou']) for row in rows) / len(rows) == pytest.approx(scores['gIoU'])
    none = [row for row in rows if row['no_target'] == 'True']
    assert [row['expression'][0] for row in none] == ['0'] * len(none)
    assert 100 * sum(row['said_none'] == 'True' for row in none) / len(none) == pytest.approx(scores['N-acc'])


def test_nothing_waits_for_the_device(samples):
    metric = GRefMetric(existence_threshold=0.5)
    sample = samples[0].to_dict()
    sample['pred_sem_seg'] = dict(data=sample['pred_sem_seg']['data'].to('meta'))
    sample['pred_existence'] = sample['pred_existence'].to('meta')
    metric.process(None, [sample])
    assert metric.results[0]['counts'].device.type == 'meta'


def test_registered():
    assert METRICS.build(dict(type='GRefMetric', prefix='val')).prefix == 'val'


@pytest.mark.parametrize('arguments, message', [
    (dict(eval_size='big'), "eval_size is 'big', expected 'input' or 'original'"),
    (dict(min_pixels=0), 'min_pixels is 0, expected 1'),
    (dict(existence_threshold=1), 'existence_threshold is 1, expected a probability'),
    (dict(existence_threshold=0.5, min_pixels=50), 'min_pixels=50 with existence_threshold=0.5: either'),
    (dict(thresholds=[70]), r'thresholds are \(70,\), expected IoUs'),
])
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        GRefMetric(**arguments)


@pytest.mark.parametrize('arguments, changes, message', [
    (dict(existence_threshold=0.5), {}, 'folder/a.jpg has no pred_existence, .* existence_head'),
    ({}, dict(no_targets=[True]), 'folder/a.jpg: 1 no_targets for 2 expressions'),
])
def test_bad_samples(arguments, changes, message):
    with pytest.raises(RefDataError, match=message):
        GRefMetric(**arguments).process(None, [masks_sample([[1, 0]] * 2, [[1, 1]] * 2, **changes)])


@pytest.mark.parametrize('rule,options', [
    ('mask', {}), ('min_pixels', dict(min_pixels=50)), ('rela', dict(existence_threshold=0.5))])
def test_rules_by_name(samples, rule, options):
    named, spelt = GRefMetric(rule=rule), GRefMetric(**options)
    assert (named.min_pixels, named.existence_threshold) == (spelt.min_pixels, spelt.existence_threshold)
    assert GRefMetric(rule='min_pixels', min_pixels=20).min_pixels == 20
    with pytest.raises(ValueError, match="rule of GRefMetric is 'gres', expected one of"):
        GRefMetric(rule='gres')
    with pytest.raises(ValueError, match='min_pixels=50 with existence_threshold=0.3'):
        GRefMetric(rule='min_pixels', existence_threshold=0.3)
