"""Which wrong object was taken."""

import numpy as np
import pytest
import torch

from mmrefseg.analysis.charts import draw_confusion
from mmrefseg.analysis.results.image_objects import ImageObject
from mmrefseg.analysis.results.near_misses import KINDS, confusion_matrix, failures_of, summarize


def square(left, top, right, bottom):
    return [[left, top, right, top, right, bottom, left, bottom]]


# Four objects in the corners of a picture of 20x20, and one over all of the lower half.
OBJECTS = [
    ImageObject(1, 'man', square(0, 0, 8, 8)), ImageObject(2, 'man', square(12, 0, 20, 8)),
    ImageObject(3, 'dog', square(0, 12, 8, 20)), ImageObject(4, 'sofa', square(0, 10, 20, 20)),
]


def mask(left, top, right, bottom):
    drawn = torch.zeros(20, 20, dtype=torch.uint8)
    drawn[top:bottom, left:right] = 1
    return drawn


@pytest.mark.parametrize('pred,kind,taken', [
    (mask(0, 0, 8, 8), None, None),  # right
    (mask(12, 0, 20, 8), 'another of its class', 2),
    (mask(0, 12, 8, 20), 'another class', 3),
    (mask(0, 10, 20, 20), 'another class', 4),  # though the dog lies inside of it
    (mask(0, 0, 3, 8), 'its own, badly cut', 1),
    (mask(5, 0, 15, 8), 'its own, badly cut', 1),  # as much of the other man
    (mask(9, 0, 11, 9), 'no object', None),
    (mask(0, 0, 0, 0), 'nothing predicted', None),
])
def test_kinds(pred, kind, taken):
    info = dict(height=20, width=20, image_id=5, ref_ids=[6], sent_ids=[7], expressions=['the man'])
    failures = failures_of(info, pred[None], [1], OBJECTS)
    assert [(failure.kind, failure.taken) for failure in failures] == ([(kind, taken)] if kind else [])
    for failure in failures:
        assert (failure.image_id, failure.ref_id, failure.sent_id, failure.category) == (5, 6, 7, 'man')
        assert (failure.taken_category is None) == (failure.taken is None) == (failure.taken_iou == 0)
        assert failure.iou < 0.5 and failure.taken_iou >= failure.iou


def test_a_smaller_size_and_objects_that_are_not_there():
    info = dict(height=20, width=20, image_id=5, ref_ids=[6, 6], sent_ids=[7, 8], expressions=['a', 'b'])
    preds = torch.stack([mask(12, 0, 20, 8), mask(12, 0, 20, 8)])[:, ::2, ::2]
    failure, = failures_of(info, preds, [1, 99], OBJECTS)
    assert failure.sent_id == 7 and failure.taken == 2 and failure.taken_iou == 1


def test_summary():
    info = dict(height=20, width=20, image_id=5, ref_ids=[6] * 3, sent_ids=[7, 8, 9], expressions=['a', 'b', 'c'])
    preds = torch.stack([mask(12, 0, 20, 8), mask(0, 12, 8, 20), mask(0, 0, 0, 0)])
    found = summarize(failures_of(info, preds, [1, 1, 1], OBJECTS), expressions=10)
    assert found['expressions'] == 10 and found['failures'] == len(found['rows']) == 3
    assert list(found['kinds']) == list(KINDS) and list(found['kinds'].values()) == [1, 1, 0, 0, 1]
    assert found['confusion'] == {'man': {'man': 1, 'dog': 1}}
    names, counts = confusion_matrix(found['confusion'])
    assert names == ['dog', 'man'] and counts.tolist() == [[0, 0], [1, 1]]


def test_rare_categories_are_the_rest():
    names, counts = confusion_matrix({'a': {'b': 5, 'c': 1}, 'd': {'a': 2, 'd': 1}}, most=2)
    assert names == ['a', 'b', 'rest']
    assert counts.tolist() == [[0, 5, 1], [0, 0, 0], [2, 0, 1]]


@pytest.mark.parametrize('names,counts', [(['a', 'b'], np.array([[0, 3], [1, 2]])), ([], np.zeros((0, 0), int))])
def test_the_image(names, counts):
    figure = draw_confusion(dict(zip(KINDS, (6, 0, 1, 2, 1))), names, counts)
    left, right = figure.axes[:2]
    assert [bar.get_width() for bar in left.patches] == pytest.approx([60, 0, 10, 20, 10])
    assert [text.get_text() for text in right.texts] == [str(count) for count in counts.flat if count]
