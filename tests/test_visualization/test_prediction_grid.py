"""The contact sheet."""

import numpy as np
import pytest
import torch
from PIL import Image

from mmrefseg.visualization import draw_prediction_grid
from mmrefseg.visualization.panel import PREDICTION, TRUTH
from mmrefseg.visualization.prediction_grid import prediction_cell


def item(height=40, width=60, pred=True, gt=True):
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[10:25, 10:35] = 1
    image = np.full((height, width, 3), 128, dtype=np.uint8)
    return (image, 'the square', torch.from_numpy(np.roll(mask, 5, axis=1)) if pred else None,
            mask if gt else None)


def has(sheet, color):
    return bool((sheet == np.array(color)).all(-1).any())


def test_columns_and_rows():
    one, five = (draw_prediction_grid([item()] * n, columns=3, cell_width=160) for n in (1, 5))
    assert five.dtype == np.uint8 and one.shape[1] == 160 + 2 * 16
    assert five.shape[1] == 3 * 160 + 4 * 16
    assert five.shape[0] > 1.6 * one.shape[0]


def test_images_of_different_shapes():
    sheet = draw_prediction_grid([item(40, 60), item(60, 40), item(40, 400)], cell_width=160)
    assert sheet.shape[0] > 160


@pytest.mark.parametrize('pred', [True, False])
@pytest.mark.parametrize('gt', [True, False])
def test_only_what_there_is_is_drawn(pred, gt):
    sheet = draw_prediction_grid([item(pred=pred, gt=gt)], cell_width=200)
    assert has(sheet, PREDICTION) == pred and has(sheet, TRUTH) == gt


def test_no_object_has_no_iou():
    image, expression, pred, gt = item()
    cells = [prediction_cell(image, expression, pred, truth, width=100) for truth in (gt, np.zeros_like(gt))]
    assert cells[0].note.startswith('IoU ') and cells[1].note == 'there is no such object'


def test_written_to_a_file(tmp_path):
    path = tmp_path / 'new' / 'grid.png'
    sheet = draw_prediction_grid([item()], out_file=str(path))
    np.testing.assert_array_equal(np.asarray(Image.open(path)), sheet)
    assert [p.name for p in path.parent.iterdir()] == ['grid.png']


def test_no_columns():
    with pytest.raises(ValueError, match='columns is 0, expected 1 or more'):
        draw_prediction_grid([item()], columns=0)


@pytest.mark.parametrize('items,out_file,message', [
    ([], None, 'items is empty'),
    ([item()], 'grid.txt', 'grid.txt does not end like a picture file'),
    ([(np.zeros((4, 4, 4), np.uint8), 'a', None, None)], None, r'shape \(4, 4, 4\), expected an RGB'),
    ([(item()[0], 'a', np.zeros((1, 4, 4)), None)], None, r'a mask has the shape \(1, 4, 4\)'),
])
def test_errors(items, out_file, message):
    with pytest.raises(ValueError, match=message):
        draw_prediction_grid(items, out_file=out_file)
