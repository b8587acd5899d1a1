"""Letterbox, and the way back: a rectangle comes home to within half a pixel; numbers are those of CRIS' code."""

import cv2
import numpy as np
import pytest
import torch

from mmrefseg.datasets import RefCOCODataset
from mmrefseg.datasets.transforms import Letterbox, PackRefInputs
from mmrefseg.evaluation import RefIoUMetric
from mmrefseg.models.segmentors.expression_rows import ExpressionRows
from mmrefseg.models.segmentors.letterbox import undo_letterbox
from mmrefseg.models.segmentors.predictions import RowOutputs, fill_predictions
from mmrefseg.models.segmentors.ref_test_cfg import RefTestCfg
from mmrefseg.structures import LetterboxGeometry

SIZES = [(480, 640), (500, 333), (211, 37)]  # H, W
CRIS = dict(eval_size='original', threshold=0.35, interpolation='bicubic')


def cris_matrices(height, width, side=416):
    """Of CRIS' data loader: from the image to the input, and back."""
    scale = min(side / height, side / width)
    left, top = (side - width * scale) / 2, (side - height * scale) / 2
    source = np.array([[0, 0], [width, 0], [0, height]], np.float32)
    target = np.array([[left, top], [width * scale + left, top], [left, height * scale + top]], np.float32)
    return cv2.getAffineTransform(source, target), cv2.getAffineTransform(target, source)


def image_of(shape):
    """An image with structure that cubic interpolation can follow."""
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    waves = [np.sin(rows / 9 + shift) + np.cos(columns / 7 - shift) for shift in range(3)]
    return np.clip(128 + 50 * np.stack(waves, axis=2), 0, 255).astype(np.uint8)


def fitted(shape, masks=None, **options):
    results = dict(img=image_of(shape), img_shape=shape, ori_shape=shape, expressions=['a'] * (masks or 1))
    if masks:
        results['gt_seg_map'] = np.zeros((*shape, masks), np.uint8)
        results['gt_seg_map'][shape[0] // 4:shape[0] // 2, shape[1] // 4:3 * shape[1] // 4] = 1
    return Letterbox((416, 416), **options).transform(results)


@pytest.mark.parametrize('shape', SIZES)
def test_it_is_the_warp_of_cris(shape):
    results = fitted(shape, masks=2)
    forward, _ = cris_matrices(*shape)
    border = (0.40821073 * 255, 0.4578275 * 255, 0.48145466 * 255)
    expected = cv2.warpAffine(image_of(shape), forward, (416, 416), flags=cv2.INTER_CUBIC, borderValue=border)
    # cv2 rounds positions to 1/32 of a pixel, and theirs come of single precision.
    difference = np.abs(results['img'].astype(int) - expected)
    assert difference.max() <= 4 and (difference > 1).mean() < 1e-3
    assert results['img_shape'] == (416, 416) and results['gt_seg_map'].shape == (416, 416, 2)
    soft = cv2.warpAffine(255 * np.ascontiguousarray(fitted_mask(shape)), forward, (416, 416), flags=cv2.INTER_LINEAR)
    assert (results['gt_seg_map'][..., 1] != (soft > 127)).mean() < 1e-4


def fitted_mask(shape):
    mask = np.zeros(shape, np.uint8)
    mask[shape[0] // 4:shape[0] // 2, shape[1] // 4:3 * shape[1] // 4] = 1
    return mask


@pytest.mark.parametrize('shape', SIZES)
def test_what_is_filled_up_is_the_border(shape):
    results = fitted(shape, border=(1, 2, 3), whole_pixels=True)
    height, width = results['letterbox'].fitted_size(shape)
    assert max(height, width) == 416
    top, left = int(results['letterbox'].top), int(results['letterbox'].left)
    filled = results['img'].copy()
    filled[top:top + height, left:left + width] = (1, 2, 3)
    assert (filled == (1, 2, 3)).all()
    expected = cv2.resize(image_of(shape), (width, height), interpolation=cv2.INTER_CUBIC)
    assert np.array_equal(results['img'][top:top + height, left:left + width], expected)


def predicted(logits, results, **test_cfg):
    sample = PackRefInputs().transform(results)['data_samples']
    rows = ExpressionRows.of([sample])
    fill_predictions([sample], rows, RowOutputs(logits), (416, 416), RefTestCfg(**test_cfg), align_corners=True)
    return sample


@pytest.mark.parametrize('shape', SIZES)
def test_evaluation_is_that_of_cris(shape):
    """Sigmoid, bicubic with corners aligned, inverse warp, threshold: with cv2 as in its engine."""
    torch.manual_seed(0)
    logits = torch.nn.functional.interpolate(3 * torch.randn(1, 1, 13, 13), size=(104, 104), mode='bicubic')
    sample = predicted(logits, fitted(shape), **CRIS)
    probability = torch.nn.functional.interpolate(
        logits.sigmoid(), size=(416, 416), mode='bicubic', align_corners=True)[0, 0].numpy()
    _, inverse = cris_matrices(*shape)
    expected = cv2.warpAffine(probability, inverse, shape[::-1], flags=cv2.INTER_CUBIC, borderValue=0.) > 0.35
    found = sample.pred_sem_seg.data[0].numpy().astype(bool)
    assert found.shape == shape and 0.1 < expected.mean() < 0.9
    assert (found != expected).mean() < 2e-3  # where cv2's rounding of positions moves the edge
    assert 0.35 < sample.pred_scores.item() <= 1


@pytest.mark.parametrize('whole_pixels', [False, True])
@pytest.mark.parametrize('shape', SIZES)
def test_a_rectangle_comes_home(shape, whole_pixels):
    """Its mask at the size of the input is the prediction: edges are back within half a pixel of the larger side."""
    height, width = shape
    box = [height // 5, 4 * height // 5, width // 5, 4 * width // 5]
    results = fitted(shape, whole_pixels=whole_pixels)
    geometry = results['letterbox']
    soft = drawn(geometry, box)
    back = undo_letterbox(soft[None, None], geometry, shape, 'bilinear')[0, 0]
    # Where the profile through the middle crosses one half, to parts of a pixel.
    column, row = back[:, width // 2], back[height // 2]
    edges = [*crossings(column), *crossings(row)]
    assert [abs(found - true) <= 0.5 for found, true in zip(edges, box)] == [True] * 4, (edges, box)
    threshold = 0.35 if whole_pixels else 0.5
    sample = predicted(10 * soft[None, None] - 5, results, eval_size='original', threshold=threshold)
    mask = sample.pred_sem_seg.data[0].numpy()
    assert abs(np.flatnonzero(mask.any(1))[0] - box[0]) <= 1 and abs(np.flatnonzero(mask.any(0))[-1] + 1 - box[3]) <= 1


def drawn(geometry, box, side=416):
    """How much of each input pixel a box of the image covers, (side, side)."""
    shift = 0. if geometry.whole_pixels else 0.5  # corners of pixels, or centres, lie on the line
    spans = []
    for (low, high), scale, start in ((box[:2], geometry.scale_y, geometry.top), (box[2:], geometry.scale_x,
                                                                                 geometry.left)):
        low, high = ((edge - shift) * scale + start + shift for edge in (low, high))
        places = torch.arange(side, dtype=torch.float32)
        spans.append((torch.minimum(places + 1, torch.tensor(high)) - torch.maximum(places, torch.tensor(low))
                      ).clamp(0, 1))
    return spans[0][:, None] * spans[1]


def crossings(profile):
    """The corners of pixels, counted from 0, between which a profile is above one half."""
    above = np.flatnonzero(profile.numpy() > 0.5)
    ends = []
    for inside, outside in ((above[0], above[0] - 1), (above[-1], above[-1] + 1)):
        high, low = float(profile[inside]), float(profile[outside])
        ends.append(inside + 0.5 + (outside - inside) * (high - 0.5) / (high - low))
    return ends


def test_logits_of_the_border_do_not_leak():
    """With the threshold 0.5 logits are warped, and what lies beside them is as they are."""
    sample = predicted(torch.full((1, 1, 416, 416), -8.), fitted((480, 640)), eval_size='original', keep_logits=True)
    assert sample.seg_logits.data.shape == (1, 480, 640)
    torch.testing.assert_close(sample.seg_logits.data, torch.full((1, 480, 640), -8.))


def test_options():
    with pytest.raises(ValueError, match="interpolation is 'area', expected one of"):
        Letterbox((4, 4), interpolation='area')
    with pytest.raises(ValueError, match=r'Letterbox: scale is \(0, 4\)'):
        Letterbox((0, 4))
    with pytest.raises(ValueError, match='loaded reduced'):
        Letterbox((4, 4)).transform(dict(img=image_of((4, 4)), whole_shape=(8, 8)))
    with pytest.raises(ValueError, match="interpolation is 'nearest', expected 'bilinear' or 'bicubic'"):
        RefTestCfg(interpolation='nearest')


def test_a_geometry_of_whole_pixels_is_never_empty():
    geometry = LetterboxGeometry.fit((1000, 1), (416, 416), whole_pixels=True)
    assert geometry.fitted_size((1000, 1)) == (416, 1)


def test_real_images_under_the_protocol_of_cris(shared_dir):
    """Predictions near the truth, evaluated by our pipeline and metric, and as CRIS' engine does it with cv2."""
    dataset = RefCOCODataset(
        data_root=str(shared_dir / 'refcoco_real'), split='testA', test_mode=True, pipeline=[
            dict(type='LoadRefImage'), dict(type='Letterbox', scale=(416, 416)), dict(type='LoadRefAnnotations'),
            dict(type='PackRefInputs')])
    metric = RefIoUMetric(protocol='cris')
    metric.dataset_meta = dataset.metainfo
    ious, samples = [], [dataset[index]['data_samples'] for index in range(len(dataset))]
    for number, sample in enumerate(samples):
        torch.manual_seed(number)
        truth = sample.gt_sem_seg.data.float().numpy()
        forward, inverse = cris_matrices(*sample.ori_shape)
        placed = torch.from_numpy(np.stack([cv2.warpAffine(mask, forward, (416, 416)) for mask in truth]))[:, None]
        logits = torch.nn.functional.interpolate(placed, size=(104, 104), mode='area') * 6 - 3
        logits = logits + torch.nn.functional.interpolate(torch.randn(len(truth), 1, 13, 13), size=(104, 104),
                                                          mode='bicubic')
        rows = ExpressionRows.of([sample])
        first = [row.index(value) for row in rows.row_of for value in range(rows.counts[0])]  # a row of each expression
        fill_predictions([sample], rows, RowOutputs(logits[first]), (416, 416), RefTestCfg(**CRIS), align_corners=True)
        metric.process({}, [sample.to_dict()])
        probability = torch.nn.functional.interpolate(logits.sigmoid(), size=(416, 416), mode='bicubic',
                                                      align_corners=True)[:, 0].numpy()
        for expression, mask in enumerate(truth):
            own = first[rows.row_of[0][expression]]
            warped = cv2.warpAffine(probability[own], inverse, sample.ori_shape[::-1], flags=cv2.INTER_CUBIC) > 0.35
            ious.append((warped & (mask > 0)).sum() / ((warped | (mask > 0)).sum() + 1e-6))
    found = metric.evaluate(len(samples))
    assert len(ious) == 21 and 60 < found['mIoU'] < 99
    assert found['mIoU'] == pytest.approx(100 * np.mean(ious), abs=0.05)
    for threshold in (0.5, 0.7, 0.9):
        assert found[f'P@{threshold}'] == pytest.approx(100 * np.mean([iou > threshold for iou in ious]), abs=0.1)
