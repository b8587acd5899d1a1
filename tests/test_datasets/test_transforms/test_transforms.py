"""Loading of masks, resizing and packing; images: test_load_ref_image.py."""

import numpy as np
import pytest
import torch
from conftest import ROOT
from image_toy import HEIGHT, WIDTH, annotated, big_image, save, smooth_image
from mmengine.config import Config
from PIL import Image
from refer_toy import square

from mmrefseg.datasets.transforms import (
    LoadRefAnnotations,
    LoadRefImage,
    PackRefInputs,
    RandomFlipExpression,
    RefResize,
)
from mmrefseg.errors import RefDataError
from mmrefseg.registry import TRANSFORMS


@pytest.mark.parametrize('name', [
    'LoadRefImage', 'LoadRefAnnotations', 'PackRefInputs', 'RandomFlipExpression'])
def test_registered(name):
    assert type(TRANSFORMS.build(dict(type=name))).__name__ == name


# --- LoadRefAnnotations ------------------------------------------------------------------------


def test_masks_follow_object_index():
    masks = LoadRefAnnotations().transform(annotated())['gt_seg_map']
    assert masks.shape == (HEIGHT, WIDTH, 4) and masks.dtype == np.uint8
    assert masks.sum((0, 1)).tolist() == [100, 80, 100, 25]
    np.testing.assert_array_equal(masks[..., 0], masks[..., 2])
    assert masks[5:15, 5:15, 0].all()


def test_each_object_is_decoded_once(monkeypatch):
    calls = []
    monkeypatch.setattr('mmrefseg.datasets.transforms.loading.decode_segmentation',
                        lambda *args, **kwargs: calls.append(1) or np.ones((2, 2), np.uint8))
    LoadRefAnnotations().transform(annotated())
    assert len(calls) == 3


def test_unusable_mask_names_ref_and_image():
    info = annotated()
    info['segmentations'][1] = []
    with pytest.raises(RefDataError, match='mask of ref 2 in a.png: its segmentation is empty'):
        LoadRefAnnotations().transform(info)


@pytest.mark.parametrize('scale', [(60, 40), (48, 48), (30, 20), (17, 61), (101, 33), (1, 1), (200, 150)])
@pytest.mark.parametrize('keep_ratio', (False, True))
def test_masks_of_the_input_are_those_that_are_resized(scale, keep_ratio):
    """To the last pixel, so that the one may stand for the other in any pipeline."""
    info = annotated()
    info['segmentations'][0] = [square(5, 5, 10), square(11, 9, 20), [30.5, 2.25, 58.1, 20.3, 33.3, 39.9, 7.7, 18.2]]
    resize = RefResize(scale=scale, keep_ratio=keep_ratio)
    img = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    before = resize.transform(LoadRefAnnotations().transform(dict(info, img=img)))
    after = LoadRefAnnotations(size='input').transform(resize.transform(dict(info, img=img)))
    assert after['gt_seg_map'].shape == (*after['img'].shape[:2], 4) and after['seg_fields'] == ['gt_seg_map']
    assert after['gt_seg_map'].dtype == np.uint8
    np.testing.assert_array_equal(after['gt_seg_map'], before['gt_seg_map'])


def test_masks_of_the_input_of_a_reduced_image(tmp_path):
    Image.fromarray(big_image()).save(tmp_path / 'a.jpg')
    info = dict(annotated(), img_path=str(tmp_path / 'a.jpg'), height=427, width=641, object_index=[0, 1, 2, 0],
                segmentations=[[square(100, 50, 201)], [square(300, 200, 77)], [square(0, 0, 420)]])
    masks = []
    for size, reduce_to in (('original', None), ('input', (96, 96)), ('original', (96, 96))):
        steps = [LoadRefImage(reduce_to=reduce_to), RefResize(scale=(96, 96)), LoadRefAnnotations(size=size)]
        results = dict(info)
        for step in (steps if size == 'input' else [steps[0], steps[2], steps[1]]):
            results = step.transform(results)
        masks.append(results['gt_seg_map'])
    assert masks[0].any((0, 1)).all()
    np.testing.assert_array_equal(masks[1], masks[0])
    np.testing.assert_array_equal(masks[2], masks[0])


def test_masks_of_the_input_come_before_a_flip():
    with pytest.raises(RefDataError, match='a.png is flipped: LoadRefAnnotations'):
        LoadRefAnnotations(size='input').transform(
            dict(annotated(), img=np.zeros((5, 5, 3), np.uint8), flip=True))
    with pytest.raises(ValueError, match="size is 'image', expected 'original' or 'input'"):
        LoadRefAnnotations(size='image')
    with pytest.raises(ValueError, match="scale_polygons draws at the input's size"):
        LoadRefAnnotations(scale_polygons=True)


# --- RefResize -----------------------------------------------------------------------------------


def resize(height, width, count, **kwargs):
    generator = np.random.default_rng(count)
    masks = generator.integers(0, 2, (height, width, count), np.uint8)
    img = generator.integers(0, 255, (height, width, 3), np.uint8)
    results = RefResize(**kwargs).transform(dict(img=img, gt_seg_map=masks))
    return img, masks, results


@pytest.mark.parametrize('count', (1, 3, 5, 40))
@pytest.mark.parametrize('size, scale', [
    ((48, 64), (30, 30)), ((37, 50), (48, 48)), ((50, 37), (101, 77)), ((20, 20), (20, 20))])
def test_masks_are_resized_as_pil_does(count, size, scale):
    _, masks, results = resize(*size, count, scale=scale)
    assert results['gt_seg_map'].shape == (scale[1], scale[0], count)
    assert results['gt_seg_map'].dtype == np.uint8
    for number in range(count):
        expected = Image.fromarray(masks[..., number]).resize(scale, Image.NEAREST)
        np.testing.assert_array_equal(results['gt_seg_map'][..., number], np.asarray(expected))


def test_nearest_equals_pil_at_many_sizes():
    generator = np.random.default_rng(0)
    for before, after in generator.integers(1, 700, (200, 2)).tolist():
        row = generator.integers(0, 2, (1, before, 1), np.uint8)
        results = RefResize(scale=(after, 1)).transform(
            dict(img=np.zeros((1, before, 3), np.uint8), gt_seg_map=row))
        expected = Image.fromarray(row[..., 0]).resize((after, 1), Image.NEAREST)
        np.testing.assert_array_equal(results['gt_seg_map'][..., 0], np.asarray(expected))


@pytest.mark.parametrize('count', (1, 5))
def test_keep_ratio(count):
    _, _, results = resize(30, 60, count, scale=(40, 40), keep_ratio=True)
    assert results['img'].shape == (20, 40, 3) and results['img_shape'] == (20, 40)
    assert results['gt_seg_map'].shape == (20, 40, count)
    assert results['scale_factor'] == (40 / 60, 20 / 30)


def test_backends_of_the_image():
    img, _, small = resize(80, 120, 1, scale=(30, 20), backend='pillow')
    expected = np.asarray(Image.fromarray(img).resize((30, 20), Image.BILINEAR))
    np.testing.assert_array_equal(small['img'], expected)
    aliased = resize(80, 120, 1, scale=(30, 20))[2]['img']
    assert aliased.std() > 1.5 * small['img'].std(), 'only pillow takes in all pixels'


@pytest.mark.parametrize('scale', [(30, 20), (7, 80), (480, 480), (130, 20), (120, 80)])
def test_torch_has_the_filter_of_pillow(scale):
    img, _, results = resize(80, 120, 2, scale=scale, backend='torch')
    expected = np.asarray(Image.fromarray(img).resize(scale, Image.BILINEAR)).astype(int)
    assert results['img'].shape == expected.shape and results['img'].dtype == np.uint8
    assert results['img'].flags.c_contiguous
    assert np.abs(results['img'] - expected).max() <= 1 and (results['img'] != expected).mean() < 0.3
    other = resize(80, 120, 2, scale=scale, backend='pillow')[2]
    np.testing.assert_array_equal(results['gt_seg_map'], other['gt_seg_map'])
    assert results['scale_factor'] == other['scale_factor'] and results['img_shape'] == other['img_shape']


def test_torch_takes_floats_and_views():
    img = np.random.default_rng(0).random((40, 60, 3), np.float32)
    results = RefResize(scale=(30, 20), backend='torch').transform(dict(img=img[:, ::-1]))
    plain = RefResize(scale=(30, 20), backend='torch').transform(dict(img=img))
    np.testing.assert_allclose(results['img'][:, ::-1], plain['img'], atol=1e-5)
    with pytest.raises(ValueError, match="backend='torch' has the interpolation 'bilinear', found 'bicubic'"):
        RefResize(scale=(30, 20), backend='torch', interpolation='bicubic')


def test_masks_take_the_size_of_the_image_and_may_be_absent_or_flat():
    img = np.zeros((41, 60, 3), np.uint8)
    flat = RefResize(scale=(10, 12)).transform(dict(img=img, gt_seg_map=np.ones((40, 60), np.uint8)))
    assert flat['gt_seg_map'].shape == (12, 10)
    assert 'gt_seg_map' not in RefResize(scale=(10, 12)).transform(dict(img=img))


# --- PackRefInputs -------------------------------------------------------------------------------


@pytest.mark.parametrize('count', (1, 4))
def test_pack(count):
    generator = np.random.default_rng(0)
    img = generator.integers(0, 255, (20, 30, 3), np.uint8)
    masks = generator.integers(0, 2, (20, 30, count), np.uint8)
    info = dict(img=img, gt_seg_map=masks, expressions=['x'] * count, ref_ids=[1] * count,
                flip=False, other='left out')
    packed = PackRefInputs().transform(info)
    assert packed['inputs'].dtype == torch.uint8 and packed['inputs'].is_contiguous()
    np.testing.assert_array_equal(packed['inputs'].numpy(), img.transpose(2, 0, 1))
    sample = packed['data_samples']
    assert sample.gt_sem_seg.data.dtype == torch.uint8
    np.testing.assert_array_equal(sample.gt_sem_seg.data.numpy(), masks.transpose(2, 0, 1))
    assert set(sample.metainfo) == {'expressions', 'ref_ids', 'flip'}


@pytest.mark.parametrize('img', [
    np.random.default_rng(0).random((20, 31, 3), np.float32), np.arange(600.).reshape(20, 10, 3),
    np.arange(200, dtype=np.uint8).reshape(10, 20), np.arange(240, dtype=np.uint8).reshape(8, 10, 3)[::-1, ::-1]])
def test_pack_any_image(img):
    packed = PackRefInputs().transform(dict(img=img, expressions=['x']))['inputs']
    assert packed.is_contiguous()
    np.testing.assert_array_equal(packed.numpy(), np.atleast_3d(img).transpose(2, 0, 1))


def test_pack_a_flat_mask_and_none():
    img, mask = np.zeros((20, 30, 3), np.uint8), np.ones((20, 30), np.uint8)
    packed = PackRefInputs().transform(dict(img=img, gt_seg_map=mask, expressions=['x']))
    assert packed['data_samples'].gt_sem_seg.data.shape == (1, 20, 30)
    packed = PackRefInputs().transform(dict(img=img, expressions=['x', 'y']))
    assert 'gt_sem_seg' not in packed['data_samples']
    assert packed['data_samples'].expressions == ['x', 'y']


def test_pack_refuses_another_number_of_masks():
    info = dict(img=np.zeros((2, 2, 3)), gt_seg_map=np.zeros((2, 2, 3)), expressions=['x'], img_path='p')
    with pytest.raises(RefDataError, match='p has 1 expressions and 3 masks'):
        PackRefInputs().transform(info)


# --- all together --------------------------------------------------------------------------------


@pytest.mark.parametrize('path', ['datasets/refcoco.py', 'datasets/refshapes.py', 'pipelines/resize_512.py'])
def test_training_pipelines_of_the_configs(tmp_path, path):
    """The same masks as of whole masks that are resized, and Pillow's picture to one of 255."""
    config = Config.fromfile(ROOT / 'configs/_base_' / path)
    pipeline = config.get('train_pipeline', config.get('train_pipeline_512'))
    info = {**annotated(), **save(tmp_path / 'a.png', Image.fromarray(smooth_image()))}
    info.update(ref_ids=[1, 2, 1, 3])
    found = dict(info)
    for step in pipeline:
        found = TRANSFORMS.build(step).transform(found)
    image = TRANSFORMS.build(pipeline[0])
    scale = next(step.scale for step in pipeline if step.type == 'RefResize')
    backend = 'cv2' if path == 'datasets/refshapes.py' else 'pillow'
    for step in (image, LoadRefAnnotations(), RefResize(scale=scale, backend=backend), PackRefInputs()):
        info = step.transform(info)
    assert torch.equal(found['data_samples'].gt_sem_seg.data, info['data_samples'].gt_sem_seg.data)
    assert (found['inputs'].int() - info['inputs'].int()).abs().max() <= 1
    assert found['data_samples'].metainfo == info['data_samples'].metainfo


@pytest.mark.parametrize('prob', (0, 1))
def test_pipeline_with_flip(tmp_path, prob):
    info = {**annotated(), **save(tmp_path / 'a.png', Image.fromarray(smooth_image()))}
    info.update(ref_ids=[1, 2, 1, 3], expressions=['left one', 'b', 'c', 'd'])
    for transform in (LoadRefImage(), LoadRefAnnotations(), RefResize(scale=(60, 40)),
                      RandomFlipExpression(prob=prob), PackRefInputs()):
        info = transform(info)
    masks = info['data_samples'].gt_sem_seg.data
    columns = slice(52, 60) if prob else slice(0, 8)
    assert masks.shape == (4, 40, 60) and masks[1, 20:30, columns].all() and masks[1].sum() == 80
    assert info['data_samples'].expressions[0] == ('right one' if prob else 'left one')
