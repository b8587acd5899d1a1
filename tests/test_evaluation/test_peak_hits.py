"""loc_acc: does the heatmap peak in the mask?"""

import pytest
import torch
from mmengine.evaluator import Evaluator

from mmrefseg.errors import RefDataError
from mmrefseg.evaluation import RefIoUMetric
from mmrefseg.evaluation.peak_hits import peak_in_mask


def heatmaps(peaks, size):
    """One heatmap a peak (row, column); everything else is lower, and negative."""
    prior = torch.full((len(peaks), *size), -2.)
    for heatmap, (row, column) in zip(prior, peaks):
        heatmap[row, column] = -1.
    return prior


@pytest.mark.parametrize('truth_size', [(3, 4), (24, 32), (7, 30), (2, 3)])
def test_only_the_pixel_at_the_centre_of_the_cell_counts(truth_size):
    for row in range(3):
        for column in range(4):
            y, x = int((row + 0.5) / 3 * truth_size[0]), int((column + 0.5) / 4 * truth_size[1])
            mask = torch.zeros(2, *truth_size, dtype=torch.uint8)
            mask[0, y, x] = 1
            mask[1] = 1
            mask[1, y, x] = 0
            hits = peak_in_mask(heatmaps([(row, column)] * 2, (3, 4)), mask)
            assert hits.tolist() == [True, False]


def test_padding_at_the_right_and_the_bottom():
    """Input 32 x 64 in cells of 8; the picture is 20 x 48 of it, its own size 40 x 24."""
    mask = torch.zeros(4, 40, 24, dtype=torch.uint8)
    prior = heatmaps([(1, 4), (3, 1), (2, 1), (0, 7)], (4, 8))
    prior[1, 0, 0] = prior[2, 0, 5] = prior[3, 1, 2] = -1.5  # the highest in the picture
    mask[0, 12 * 2, 36 // 2] = 1
    mask[1, 4 * 2, 4 // 2] = 1
    # A cell whose centre is at the edge, 20 of 20, is padding.
    mask[2, 4 * 2, 44 // 2] = 1
    mask[3, 12 * 2, 20 // 2] = 1
    assert peak_in_mask(prior, mask, input_size=(32, 64), img_size=(20, 48)).tolist() == [True] * 4
    assert peak_in_mask(prior, mask).tolist() != [True] * 4


def test_an_image_smaller_than_half_a_cell():
    mask = torch.ones(1, 2, 2, dtype=torch.uint8)
    assert peak_in_mask(torch.zeros(1, 2, 2), mask, input_size=(32, 32), img_size=(2, 2)).tolist() == [True]


def test_ignored_pixels_are_no_hit_and_the_first_of_equals_counts():
    mask = torch.tensor([[[255, 1]], [[1, 0]]], dtype=torch.uint8)
    assert peak_in_mask(torch.zeros(2, 1, 2), mask).tolist() == [False, True]


def sample_of(peaks, truth, **changes):
    """A sample dict: 4 x 4 heatmaps with these peaks (None: without heatmaps), truths of 8 x 8."""
    truth = torch.as_tensor(truth, dtype=torch.uint8)
    sample = dict(pred_sem_seg=dict(data=torch.ones_like(truth)), gt_sem_seg=dict(data=truth),
                  expressions=['dog'] * len(truth), img_path='folder/a.jpg')
    if peaks is not None:
        sample['pred_prior'] = dict(data=heatmaps(peaks, (4, 4)))
    return dict(sample, **changes)


def evaluate(samples, **kwargs):
    evaluator = Evaluator(RefIoUMetric(**kwargs))
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def left_half(count):
    truth = torch.zeros(count, 8, 8)
    truth[..., :4] = 1
    return truth


def test_share_of_expressions():
    samples = [sample_of([(0, 0), (3, 1), (2, 2)], left_half(3)), sample_of([(0, 3)], left_half(1))]
    scores = evaluate(samples)
    assert scores['loc_acc'] == 50
    assert list(scores)[-1] == 'loc_acc' and scores['oIoU'] == 50
    one_by_one = [sample_of([peak], left_half(1)) for peak in [(0, 0), (3, 1), (2, 2), (0, 3)]]
    assert evaluate(one_by_one) == scores
    assert evaluate(samples, prefix='val')['val/loc_acc'] == 50


def test_only_where_there_are_heatmaps():
    without = sample_of(None, left_half(2))
    assert 'loc_acc' not in evaluate([without])
    assert evaluate([without, sample_of([(0, 0)], left_half(1))])['loc_acc'] == 100


def test_padding_is_read_from_the_sample():
    """Of the input, 16 wide, the picture fills 8: the peak in column 1 is its right half."""
    truth = left_half(1)
    assert evaluate([sample_of([(0, 1)], truth)])['loc_acc'] == 100
    padded = sample_of([(0, 1)], truth, img_shape=(8, 8), batch_input_shape=(8, 16))
    assert evaluate([padded])['loc_acc'] == 0


def test_truth_at_its_own_size():
    """The mask is compared where it is, not resized to the prediction."""
    truth = torch.zeros(1, 16, 24)
    truth[0, 6, 15] = 1  # the centre of cell (1, 2)
    sample = sample_of([(1, 2)], truth, pred_sem_seg=dict(data=torch.ones(1, 8, 8)), img_shape=(8, 8),
                       batch_input_shape=(8, 8), ori_shape=(16, 24))
    assert evaluate([sample])['loc_acc'] == 100


def test_as_many_heatmaps_as_expressions():
    with pytest.raises(RefDataError, match='folder/a.jpg: 1 heatmaps in pred_prior for 2 expressions'):
        RefIoUMetric().process(None, [sample_of([(0, 0)], left_half(2))])
