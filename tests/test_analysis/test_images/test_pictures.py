"""Sheets of what a model does: which expressions they show, and that every kind is drawn."""

import copy

import numpy as np
import pytest
import torch
from conftest import ROOT, TINY_CONFIG
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrefseg.analysis.images import attention_sheet, choose, heatmap_sheet, iteration_rows, predict_item
from mmrefseg.analysis.images.chosen import expressions_of, iou_percents
from mmrefseg.registry import DATASETS, MODELS
from mmrefseg.visualization.heatmap import heat_panel
from mmrefseg.visualization.panel import TRUTH, read_image, write_image


@pytest.fixture(scope='module')
def opened(refshapes_root):
    """Model and dataset of a config."""
    cache = {}

    def open_config(path):
        if path not in cache:
            init_default_scope('mmrefseg')
            torch.manual_seed(0)
            cfg = Config.fromfile(path)
            dataset = dict(cfg.test_dataloader.dataset, data_root=str(refshapes_root), split='val')
            cache[path] = MODELS.build(cfg.model).eval(), DATASETS.build(dataset)
        return cache[path]

    return open_config


@pytest.fixture
def lts(opened):
    return opened(ROOT / 'configs/lts/lts_nano_refshapes.py')


@pytest.fixture
def lavt(opened):
    return opened(TINY_CONFIG)


@pytest.mark.parametrize('order', ['best', 'worst'])
def test_the_best_and_the_worst(lavt, order):
    model, dataset = lavt
    sign = -1 if order == 'best' else 1
    first = [sorted(expressions_of(i, predict_item(model, dataset[i])), key=lambda one: (sign * one.iou, -one.score))[0]
             for i in range(len(dataset))]
    expected = sorted(first, key=lambda one: (sign * one.iou, -one.score))[:3]
    assert len({one.iou for one in first}) > 1
    found = choose(model, dataset, 3, order)
    assert [(one.index, one.number, one.iou) for one in found] == [(one.index, one.number, one.iou) for one in expected]


def test_spread(lavt):
    found = choose(*lavt, number=3)
    assert [one.index for one in found] == [0, 2, 4]
    assert [one.expression for one in found] == [
        lavt[1].get_data_info(one.index)['expressions'][one.number] for one in found]
    with pytest.raises(ValueError, match="order is 'all', expected one of"):
        choose(*lavt, number=1, order='all')


def test_two_empty_masks_agree():
    pred, truth = torch.zeros(3, 4, 4, dtype=torch.uint8), torch.zeros(3, 8, 8, dtype=torch.uint8)
    pred[1:, :2] = 1
    truth[2, :, :4] = 1
    assert iou_percents(pred, truth).tolist() == pytest.approx([100, 0, 100 / 3])


def test_heatmaps(lts, lavt):
    sheet = heatmap_sheet(*lts, number=3, columns=2, cell_width=100)
    assert sheet.shape[1] == 4 * 100 + 5 * 16  # a heatmap and a mask of two expressions
    with pytest.raises(ValueError, match='the fusion NoneType gives no heatmap'):
        heatmap_sheet(*lavt, number=1)


def test_a_heatmap_lies_where_its_image_does():
    """The left half of the input is the picture, and hot; the mask's outline is drawn over it."""
    image = np.full((40, 40, 3), 90, np.uint8)
    heat = torch.zeros(4, 8)
    heat[:2, :4] = 1
    panel = heat_panel(image, heat, 80, input_size=(64, 128), img_size=(64, 64))
    assert panel.shape == (80, 80, 3)
    assert panel[10, :70].mean() > 150 > 60 > panel[70].mean()  # hot above, whatever stands in the padding
    truth = torch.zeros(40, 40, dtype=torch.uint8)
    truth[30:35, 5:30] = 1
    with_truth = heat_panel(image, heat, 80, truth=truth, input_size=(64, 128), img_size=(64, 64))
    assert (with_truth == np.array(TRUTH)).all(-1).any()


def test_attention(lavt, opened):
    words = [len(lavt[1].get_data_info(0)['expressions'][0].split()) + 2]
    sheet = attention_sheet(*lavt, number=1, columns=3, cell_width=60)
    rows = -(-words[0] // 2)  # two maps beside the prediction, the rest below
    assert sheet.shape[1] == 3 * 60 + 4 * 16
    narrow = attention_sheet(*lavt, number=1, columns=2, cell_width=60)
    assert narrow.shape[0] > sheet.shape[0] > rows * 60
    with pytest.raises(ValueError, match="this model has backbone.fusions.0, .*, not 'fusion'"):
        attention_sheet(*lavt, number=1, module='fusion')
    with pytest.raises(ValueError, match='this model has neither'):
        attention_sheet(*opened(ROOT / 'configs/lts/lts_nano_refshapes.py'), number=1)


def test_attention_of_m3att(opened):
    model, dataset = opened(ROOT / 'configs/m3att/m3att_nano_refshapes.py')
    sheet = attention_sheet(model, dataset, number=1, module='fusion.layers.2.mutual_attention', cell_width=60)
    assert sheet.shape[1] <= 8 * 60 + 9 * 16 and sheet.std() > 0


def test_iterations_of_another_head(lavt):
    with pytest.raises(ValueError, match='the head MaskHead, expected a SADLRHead with iterations'):
        iteration_rows(*lavt, number=1)


def test_a_model_without_masks(lavt):
    dataset = copy.copy(lavt[1])
    dataset.pipeline = copy.copy(dataset.pipeline)
    dataset.pipeline.transforms = [step for step in dataset.pipeline.transforms
                                   if type(step).__name__ != 'LoadRefAnnotations']
    with pytest.raises(ValueError, match='has no gt_sem_seg: its pipeline needs LoadRefAnnotations'):
        choose(lavt[0], dataset, 1)


@pytest.mark.parametrize('ending,exact', [('png', True), ('jpg', False)])
def test_a_file_of_few_colours(tmp_path, ending, exact):
    image = np.random.default_rng(0).normal(100, 9, (40, 50, 3)).astype(np.uint8)
    write_image(image, str(tmp_path / f'all.{ending}'))
    write_image(image, str(tmp_path / f'few.{ending}'), colors=16)
    few = read_image(str(tmp_path / f'few.{ending}'))
    assert few.shape == image.shape and abs(few.astype(int) - image).mean() < 25
    assert not exact or len(np.unique(few.reshape(-1, 3), axis=0)) <= 16
    assert (tmp_path / f'few.{ending}').stat().st_size < (tmp_path / f'all.{ending}').stat().st_size
