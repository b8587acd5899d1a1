"""Loading, resizing and packing of a picture with its masks."""

import io

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from refer_toy import rle, square

from mmrefseg.datasets.transforms import (
    LoadRefAnnotations,
    LoadRefImage,
    PackRefInputs,
    RandomFlipExpression,
    RefResize,
)
from mmrefseg.errors import RefDataError
from mmrefseg.registry import TRANSFORMS

HEIGHT, WIDTH = 40, 60


def smooth_picture() -> np.ndarray:
    """(40, 60, 3) uint8 RGB without sharp edges, so that lossy formats keep it."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([x * 4, y * 6, 255 - x * 2 - y * 2], axis=-1).astype(np.uint8)


def save(path, image: Image.Image, **kwargs) -> dict:
    image.save(path, **kwargs)
    return dict(img_path=str(path), height=HEIGHT, width=WIDTH, ref_ids=[7, 8])


def annotated() -> dict:
    return dict(
        img_path='a.png', height=HEIGHT, width=WIDTH, ref_ids=[1, 2, 1, 3], sent_ids=[5, 6, 7, 8],
        expressions=['a', 'b', 'c', 'd'], object_index=[0, 1, 0, 2],
        segmentations=[[square(5, 5, 10)], rle(HEIGHT, WIDTH, slice(20, 30), slice(0, 8)),
                       [square(40, 20, 5)]])


@pytest.mark.parametrize('name', [
    'LoadRefImage', 'LoadRefAnnotations', 'PackRefInputs', 'RandomFlipExpression'])
def test_registered(name):
    assert type(TRANSFORMS.build(dict(type=name))).__name__ == name


# --- LoadRefImage ----------------------------------------------------------------------------


@pytest.mark.parametrize('backend', ('cv2', 'pillow'))
@pytest.mark.parametrize('mode, suffix, tolerance', [
    ('RGB', 'png', 0), ('RGB', 'jpg', 16), ('RGBA', 'png', 0), ('P', 'png', 60), ('CMYK', 'jpg', 16),
    ('RGB', 'bmp', 0), ('RGB', 'webp', 24)])
def test_colours_of_any_file(tmp_path, backend, mode, suffix, tolerance):
    picture = smooth_picture()
    info = save(tmp_path / f'a.{suffix}', Image.fromarray(picture).convert(mode), quality=95)
    results = LoadRefImage(imdecode_backend=backend).transform(info)
    assert results['img'].dtype == np.uint8 and results['img'].shape == (HEIGHT, WIDTH, 3)
    assert results['img_shape'] == results['ori_shape'] == (HEIGHT, WIDTH)
    difference = np.abs(results['img'][..., ::-1].astype(int) - picture)
    assert difference.max() <= tolerance


@pytest.mark.parametrize('mode', ('L', 'LA', '1'))
def test_grayscale_is_repeated(tmp_path, mode):
    gray = Image.fromarray(smooth_picture()).convert('L')
    info = save(tmp_path / 'a.png', gray.convert(mode))
    img = LoadRefImage().transform(info)['img']
    assert img.shape == (HEIGHT, WIDTH, 3) and (img == img[..., :1]).all() and img.std() > 10
    if mode != '1':
        np.testing.assert_array_equal(img[..., 0], np.asarray(gray))


@pytest.mark.parametrize('channels', (1, 3))
def test_16_bits_are_scaled_to_8(tmp_path, channels):
    deep = smooth_picture()[..., :channels].astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / 'a.png'), deep)
    img = LoadRefImage().transform(dict(img_path=str(tmp_path / 'a.png')))['img']
    assert img.dtype == np.uint8
    np.testing.assert_array_equal(img[..., :channels], deep // 257)


@pytest.mark.parametrize('backend', ('cv2', 'pillow'))
def test_orientation_in_exif_is_ignored(tmp_path, backend):
    image = Image.fromarray(smooth_picture())
    plain = save(tmp_path / 'a.jpg', image)
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate by 90 degrees to view"
    turned = save(tmp_path / 'b.jpg', image, exif=exif)
    assert Image.open(turned['img_path']).getexif()[0x0112] == 6
    load = LoadRefImage(imdecode_backend=backend)
    np.testing.assert_array_equal(load.transform(plain)['img'], load.transform(turned)['img'])


@pytest.mark.parametrize('suffix, keep', [
    ('jpg', 0.5), ('jpg', 0.95), ('png', 0.5), ('bmp', 0.5), ('webp', 0.5), ('png', 0)])
def test_truncated_picture(tmp_path, suffix, keep):
    stream = io.BytesIO()
    Image.fromarray(smooth_picture()).save(stream, dict(jpg='JPEG').get(suffix, suffix.upper()))
    content = stream.getvalue()
    path = tmp_path / f'a.{suffix}'
    path.write_bytes(content[:int(len(content) * keep)])
    with pytest.raises(RefDataError, match=rf'a.{suffix} \(ref 7, 8\) is broken or cannot be read'):
        LoadRefImage().transform(dict(img_path=str(path), ref_ids=[7, 8]))


def test_missing_picture_and_picture_of_another_size(tmp_path):
    with pytest.raises(RefDataError, match=r'none.jpg \(ref 7\) is missing'):
        LoadRefImage().transform(dict(img_path=str(tmp_path / 'none.jpg'), ref_ids=[7]))
    info = save(tmp_path / 'a.png', Image.new('RGB', (WIDTH, HEIGHT + 1)))
    with pytest.raises(RefDataError, match=r'\(ref 7, 8\) is 41x60 \(height x width\) .* say 40x60'):
        LoadRefImage().transform(dict(info))
    assert LoadRefImage(check_size=False).transform(dict(info))['img'].shape == (41, 60, 3)


def test_decoder_that_gives_no_colours(tmp_path, monkeypatch):
    info = save(tmp_path / 'a.png', Image.new('RGB', (WIDTH, HEIGHT)))
    monkeypatch.setattr('mmcv.imfrombytes', lambda *args, **kwargs: np.zeros((HEIGHT, WIDTH)))
    with pytest.raises(RefDataError, match=r'a.png .* shape \(40, 60\) where \(H, W, 3\)'):
        LoadRefImage().transform(info)


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


def test_unusable_mask_names_ref_and_picture():
    info = annotated()
    info['segmentations'][1] = []
    with pytest.raises(RefDataError, match='mask of ref 2 in a.png: the segmentation is empty'):
        LoadRefAnnotations().transform(info)


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


def test_backends_of_the_picture():
    img, _, small = resize(80, 120, 1, scale=(30, 20), backend='pillow')
    expected = np.asarray(Image.fromarray(img).resize((30, 20), Image.BILINEAR))
    np.testing.assert_array_equal(small['img'], expected)
    aliased = resize(80, 120, 1, scale=(30, 20))[2]['img']
    assert aliased.std() > 1.5 * small['img'].std(), 'only pillow takes in all pixels'


def test_masks_take_the_size_of_the_picture_and_may_be_absent_or_flat():
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


@pytest.mark.parametrize('prob', (0, 1))
def test_pipeline_with_flip(tmp_path, prob):
    info = {**annotated(), **save(tmp_path / 'a.png', Image.fromarray(smooth_picture()))}
    info.update(ref_ids=[1, 2, 1, 3], expressions=['left one', 'b', 'c', 'd'])
    for transform in (LoadRefImage(), LoadRefAnnotations(), RefResize(scale=(60, 40)),
                      RandomFlipExpression(prob=prob), PackRefInputs()):
        info = transform(info)
    masks = info['data_samples'].gt_sem_seg.data
    columns = slice(52, 60) if prob else slice(0, 8)
    assert masks.shape == (4, 40, 60) and masks[1, 20:30, columns].all() and masks[1].sum() == 80
    assert info['data_samples'].expressions[0] == ('right one' if prob else 'left one')
