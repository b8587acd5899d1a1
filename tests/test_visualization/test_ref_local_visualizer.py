"""Rows of expressions, predictions and ground truths."""

from types import SimpleNamespace

import mmcv
import mmseg
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmengine.visualization import Visualizer
from mmseg.engine.hooks import SegVisualizationHook
from packaging.version import Version
from PIL import Image

from mmrefseg.registry import VISUALIZERS
from mmrefseg.structures import RefDataSample
from mmrefseg.visualization import RefLocalVisualizer
from mmrefseg.visualization.panel import PREDICTION, TRUTH, iou_percent, mask_at_size, panel_size


@pytest.fixture
def texts(monkeypatch):
    """Every text that is drawn."""
    from mmrefseg.visualization import ref_local_visualizer
    drawn = []
    original = ref_local_visualizer.wrap_text

    def wrap_text(text, *args):
        drawn.append(text)
        return original(text, *args)

    monkeypatch.setattr(ref_local_visualizer, 'wrap_text', wrap_text)
    return drawn


def random_image(size=(400, 480)):
    return np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)


def sample_of(count=2, pred=(400, 480), truth=(400, 480), scores=True):
    sample = RefDataSample(metainfo=dict(
        img_path='a.jpg', expressions=[f'expression {"abcdefghijklm"[i]}' for i in range(count)]))
    for key, size in (('pred_sem_seg', pred), ('gt_sem_seg', truth)):
        if size is not None:
            masks = torch.zeros(count, *size, dtype=torch.uint8)
            masks[:, size[0] // 4:size[0] // 2, size[1] // 4:size[1] // 2] = 1
            setattr(sample, key, PixelData(data=masks))
    if scores and pred is not None:
        sample.pred_scores = torch.full((count, ), 0.75)
    return sample


def has(image, color):
    return bool((image == np.array(color)).all(-1).any())


def test_ground_truth_stands_beside_the_prediction(texts):
    visualizer, image = RefLocalVisualizer(), random_image()
    both = visualizer.draw(image, sample_of())
    assert texts == ['1. expression a', 'prediction · IoU 100.0 · score 0.75', 'ground truth',
                     '2. expression b', 'prediction · IoU 100.0 · score 0.75', 'ground truth']
    alone = visualizer.draw(image, sample_of(), draw_gt=False)
    assert both.dtype == np.uint8 and both.shape[1] > 960 > alone.shape[1] > 480
    assert has(both, PREDICTION) and has(both, TRUTH)
    assert has(alone, PREDICTION) and not has(alone, TRUTH)
    assert not has(visualizer.draw(image, sample_of(), draw_pred=False), PREDICTION)


def test_one_expression_has_no_number_and_no_score_unless_there_is_one(texts):
    RefLocalVisualizer().draw(random_image(), sample_of(1, truth=None, scores=False))
    assert texts == ['expression a', 'prediction']


def test_no_such_object(texts):
    """It is said where the model or the truth says so; an empty mask of a model that cannot is a bad mask."""
    sample = sample_of(3)
    sample.pred_sem_seg.data[:2] = 0
    sample.gt_sem_seg.data[0] = 0
    sample.pred_existence = torch.tensor([0.125, 0.25, 0.875])
    RefLocalVisualizer().draw(random_image(), sample)
    assert texts == [
        '1. expression a', 'prediction · no such object · existence 0.12', 'ground truth · no such object',
        '2. expression b', 'prediction · no such object · existence 0.25', 'ground truth',
        '3. expression c', 'prediction · IoU 100.0 · score 0.75', 'ground truth']
    texts.clear()
    del sample.pred_existence
    RefLocalVisualizer(max_expressions=1).draw(random_image(), sample)
    assert texts[:3] == ['1. expression a', 'prediction · score 0.75', 'ground truth · no such object']


def test_pixels_are_tinted_inside_the_mask_only():
    image = np.full((400, 480, 3), 100, dtype=np.uint8)
    visualizer = RefLocalVisualizer(alpha=0.5)
    drawn = visualizer.draw(image, sample_of(1))
    expected = [(100 + value) / 2 for value in PREDICTION]
    inside = (np.abs(drawn - np.array(expected)) <= 0.5).all(-1)
    outside = (drawn == 100).all(-1)
    # The mask is 100 x 120; its outline hides a rim of few pixels.
    assert 0.85 * 12000 < inside.sum() < 12000
    assert 0.95 * 2 * (192000 - 12000) < outside.sum() < 2 * (192000 - 12000)


@pytest.mark.parametrize('pred,truth', [((200, 240), (400, 480)), ((400, 480), (200, 240)),
                                        ((800, 960), (200, 240))])
def test_masks_of_other_sizes_are_brought_to_the_image(pred, truth):
    visualizer, image = RefLocalVisualizer(), random_image()
    np.testing.assert_array_equal(
        visualizer.draw(image, sample_of(pred=pred, truth=truth)), visualizer.draw(image, sample_of()))


@pytest.mark.parametrize('shape,expected', [((128, 128, 3), (320, 320)), ((64, 128, 3), (160, 320)),
                                            ((480, 640), (480, 640)), ((3000, 4000, 3), (600, 800)),
                                            ((1, 2000), (1, 800))])
def test_size_of_a_panel(shape, expected):
    assert panel_size(shape, (320, 800)) == expected


def test_more_expressions_than_rows():
    visualizer, image = RefLocalVisualizer(max_expressions=2), random_image()
    two, three = (visualizer.draw(image, sample_of(count)) for count in (2, 3))
    assert two.shape[0] < three.shape[0] < 1.1 * two.shape[0]
    np.testing.assert_array_equal(two[:-20], three[:len(two) - 20])


@pytest.mark.parametrize('sample', [None, RefDataSample(), sample_of(2, None, None)])
def test_samples_without_masks(sample):
    assert RefLocalVisualizer().draw(random_image((128, 128)), sample).shape[1] >= 320


def test_grayscale_and_narrow_images():
    sample = sample_of(1, pred=(300, 20), truth=(300, 20))
    drawn = RefLocalVisualizer().draw(random_image((300, 20))[..., 0], sample)
    assert drawn.ndim == 3 and drawn.shape[1] > 2 * 140


def test_iou_leaves_out_ignored_pixels():
    pred, truth = np.array([[1, 1, 0, 1]], np.uint8), np.array([[1, 0, 0, 255]], np.uint8)
    assert iou_percent(pred, truth) == 50
    assert iou_percent(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8)) == 0


def test_out_file_and_get_image(tmp_path):
    visualizer, image, sample = RefLocalVisualizer(), random_image(), sample_of(1)
    path = tmp_path / 'new' / 'drawn ü.png'
    visualizer.add_datasample('name', image, sample, out_file=str(path))
    expected = visualizer.draw(image, sample)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), expected)
    np.testing.assert_array_equal(visualizer.get_image(), expected)
    visualizer.draw_bboxes(np.array([10, 10, 40, 40]), edge_colors='r')
    assert (visualizer.get_image() != expected).any()
    assert len(list(path.parent.iterdir())) == 1


def test_show(monkeypatch):
    shown = []
    monkeypatch.setattr(Visualizer, 'show', lambda self, drawn, win_name, wait_time: shown.append(
        (drawn.shape, win_name, wait_time)))
    visualizer = RefLocalVisualizer()
    visualizer.add_datasample('name', random_image(), sample_of(1), show=True, wait_time=2)
    assert shown == [(visualizer.draw(random_image(), sample_of(1)).shape, 'name', 2)]


@pytest.mark.skipif(Version(mmseg.__version__) < Version('1.2.2'), reason='mmseg 1.2.1 takes its own visualizer')
def test_mmsegs_hook_and_local_backend(tmp_path):
    image_path = tmp_path / 'a.jpg'
    mmcv.imwrite(random_image((100, 120)), str(image_path))
    VISUALIZERS.get('RefLocalVisualizer').get_instance(
        'hooked', vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path))
    sample = sample_of(2, pred=(96, 96), truth=(100, 120))
    sample.set_metainfo(dict(img_path=str(image_path)))
    hook = SegVisualizationHook(draw=True, interval=1)
    hook.after_val_iter(SimpleNamespace(iter=7), 0, {}, [sample])
    written = tmp_path / 'vis_data' / 'vis_image' / 'val_a.jpg_7.png'
    assert Image.open(written).size[0] > 640


def test_built_from_a_config():
    visualizer = VISUALIZERS.build(dict(
        type='RefLocalVisualizer', name='from_config', alpha=0.3, sides=(100, 200)))
    assert visualizer.draw(random_image(), sample_of(1, truth=None)).shape[1] < 250


@pytest.mark.parametrize('image,sample,message', [
    (random_image().astype(np.float32), None, 'float32 of shape .* expected an RGB array'),
    ('a.jpg', None, "the picture is <class 'str'>"),
    (random_image(), RefDataSample(metainfo=dict(expressions=['a', 'b'], img_path='x.jpg'), pred_sem_seg=(
        PixelData(data=torch.zeros(3, 4, 4)))), 'x.jpg has 2 expressions and 3 masks in pred_sem_seg'),
])
def test_errors(image, sample, message):
    with pytest.raises(ValueError, match=message):
        RefLocalVisualizer().draw(image, sample)


def test_mask_of_another_rank():
    with pytest.raises(ValueError, match=r'a mask has the shape \(4,\), expected \(H, W\)'):
        mask_at_size(np.zeros(4), (2, 2))


def test_file_that_is_no_image(tmp_path):
    with pytest.raises(ValueError, match='does not end like a picture file'):
        RefLocalVisualizer().add_datasample('x', random_image(), None, out_file=str(tmp_path / 'a.txt'))
