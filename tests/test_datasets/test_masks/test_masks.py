"""From segmentations to masks."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from refer_toy import rle, square

from mmrefseg.datasets import ReferDataset, decode_segmentation
from mmrefseg.datasets.refer_format.instances import read_segmentations
from mmrefseg.errors import RefDataError

HEIGHT, WIDTH = 20, 30


def expected(*rectangles):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for rows, columns in rectangles:
        mask[slice(*rows), slice(*columns)] = 1
    return mask


def plain(mask):
    """Uncompressed RLE counts, by COCO's definition: runs of 0 and 1 down the columns."""
    runs, last = [0], 0
    for value in mask.T.ravel().tolist():
        if value != last:
            runs.append(0)
            last = value
        runs[-1] += 1
    return runs


A, B = ((2, 8), (3, 9)), ((5, 11), (6, 12))
RLE_A, RLE_B = (rle(HEIGHT, WIDTH, slice(*rows), slice(*columns)) for rows, columns in (A, B))


@pytest.mark.parametrize('segmentation, rectangles', [
    ([square(3, 2, 6)], [A]),
    ([square(3, 2, 6), square(6, 5, 6)], [A, B]),  # overlapping polygons: their union
    ([square(3, 2, 6), [1.0, 1.0, 5.0, 5.0]], [A]),  # two points enclose nothing
    (RLE_A, [A]),
    (dict(RLE_A, counts=RLE_A['counts'].encode()), [A]),
    (dict(size=[HEIGHT, WIDTH], counts=plain(expected(A))), [A]),
    ([RLE_A], [A]),
    ([RLE_A, RLE_B], [A, B]),
    ([RLE_A, square(6, 5, 6)], [A, B]),
    (rle(HEIGHT, WIDTH, slice(0), slice(0)), []),
])
def test_mask(segmentation, rectangles):
    mask = decode_segmentation(segmentation, HEIGHT, WIDTH)
    assert mask.dtype == np.uint8 and mask.flags.c_contiguous
    np.testing.assert_array_equal(mask, expected(*rectangles))


def test_random_rles_of_all_lengths_pass_the_check():
    """Long runs and decreasing ones take several groups of bits, negative ones among them."""
    generator = np.random.default_rng(0)
    for size in ((1, 1), (7, 5), (300, 200), (2000, 1500)):
        for share in (0.0, 0.001, 0.5, 1.0):
            mask = (generator.random(size) < share).astype(np.uint8)
            encoded = coco_mask.encode(np.asfortranarray(mask))
            np.testing.assert_array_equal(decode_segmentation(encoded, *size), mask)


def test_another_size_is_the_nearest_pixels_of_the_whole_mask():
    """Masks of noise and of boxes, smaller, larger, and both at once."""
    generator = np.random.default_rng(0)
    for number in range(400):
        height, width, *size = generator.integers(1, [60, 60, 90, 90]).tolist()
        if number % 2:
            mask = (generator.random((height, width)) < generator.random()).astype(np.uint8)
        else:
            mask = np.zeros((height, width), np.uint8)
            top, left = generator.integers(0, [height, width])
            mask[top:generator.integers(top, height + 1), left:generator.integers(left, width + 1)] = 1
        found = decode_segmentation(coco_mask.encode(np.asfortranarray(mask)), height, width, size=tuple(size))
        assert found.dtype == np.uint8 and found.flags.c_contiguous
        expected = Image.fromarray(mask).resize(size[::-1], Image.NEAREST)
        np.testing.assert_array_equal(found, np.asarray(expected))


@pytest.mark.parametrize('size', [(20, 30), (480, 480), (224, 224), (97, 640)])
def test_polygons_at_another_size(size):
    """As whole masks of pycocotools, resized."""
    generator = np.random.default_rng(1)
    for number in range(20):
        polygons = [(generator.random(12) * 700 - 50).tolist() for _ in range(1 + number % 2)]
        whole = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, 480, 640)))
        np.testing.assert_array_equal(decode_segmentation(polygons, 480, 640), whole)
        expected = Image.fromarray(whole).resize(size[::-1], Image.NEAREST)
        np.testing.assert_array_equal(decode_segmentation(polygons, 480, 640, size=size), np.asarray(expected))


@pytest.mark.parametrize('segmentation, message', [
    ([], 'segmentation is empty'),
    ([[]], 'segmentation is empty'),
    ([[1.0, 1.0, 5.0, 5.0]], 'segmentation looks like a box'),
    ('polygon', 'unknown segmentation kind.*found str'),
    (None, 'unknown segmentation kind.*found NoneType'),
    ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 'unknown segmentation kind.*float'),
    ([['a', 'b']], 'unknown segmentation kind'),
    ([[[1, 2], [3, 4]]], 'unknown segmentation kind'),
    ([[1, 2, 3, 4, 5, 6, 7]], '7 coordinates, an odd number'),
    ([[1, 1, float('nan'), 4, 5, 6]], 'far outside'),
    ([[1, 1, 1e12, 4, 5, 6]], 'far outside'),
    (dict(counts='abc'), 'unknown segmentation kind.*counts without a size'),
    (dict(size=[HEIGHT, WIDTH]), 'unknown segmentation kind.*counts None'),
    (dict(size=[HEIGHT, WIDTH], counts=[-1, 601]), 'unknown segmentation kind|the RLE is broken'),
    (dict(size=[HEIGHT, WIDTH], counts='é'), 'unknown segmentation kind'),
    (rle(WIDTH, HEIGHT, slice(3), slice(3)), 'another size than its picture: 30x20 where 20x30'),
    (dict(size=[HEIGHT, WIDTH], counts=[10, 20]), 'add up to 30 pixels where 20x30 = 600'),
    (dict(size=[HEIGHT, WIDTH], counts=[10, 20, 900]), 'add up to 930 pixels'),
    (dict(RLE_A, counts=RLE_A['counts'][:-1]), 'RLE is broken'),
    (dict(RLE_A, counts=''), 'RLE is broken'),
    (dict(RLE_A, counts='o' * 40), 'RLE is broken'),
    (dict(RLE_A, counts=b'\xff\x00'), 'RLE is broken'),
])
def test_unusable_segmentation(segmentation, message):
    with pytest.raises(RefDataError, match=message):
        decode_segmentation(segmentation, HEIGHT, WIDTH)


def test_real_masks_have_the_stated_area(shared_dir):
    """RefCOCO's own annotations: 7 objects of split testA.

    The polygons of this excerpt run through the centres of the outermost pixels, and its areas count
    those whole. COCO's convention, ours, cuts them in half: the masks differ by the outline at most.
    """
    root = shared_dir / 'refcoco_real'
    instances = json.loads((root / 'refcoco' / 'instances.json').read_text())
    areas = {a['image_id']: a['area'] for a in instances['annotations']}
    dataset = ReferDataset(
        ann_dir='refcoco', split='testA', data_root=str(root), test_mode=True,
        data_prefix=dict(img='images/mscoco/images/train2014'))
    assert len(dataset) == 7 and len(areas) == 7
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        mask = decode_segmentation(info['segmentations'][0], info['height'], info['width'])
        full = np.zeros_like(mask)
        for polygon in info['segmentations'][0]:
            cv2.fillPoly(full, [np.array(polygon, np.int32).reshape(-1, 2)], 1)
        assert full.sum() == areas[info['image_id']]
        grown = cv2.dilate(full, np.ones((3, 3)))
        shrunk = cv2.erode(full, np.ones((3, 3)), borderType=cv2.BORDER_CONSTANT, borderValue=0)
        assert (shrunk <= mask).all() and (mask <= grown).all()
        assert mask.sum() == pytest.approx(areas[info['image_id']], rel=0.03)


def test_polygons_scaled_and_drawn():
    """As ReLA's code: pycocotools' drawing of the scaled outline, unlike the resized mask at its edges."""
    outlines = [[10.2, 5.1, 61.7, 9.9, 48.3, 47.6, 13.4, 33.3], [2., 2., 30., 2., 30., 20.]]
    scaled = [[value * (96 / 70 if i % 2 == 0 else 96 / 50) for i, value in enumerate(outline)] for outline in outlines]
    expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(scaled, 96, 96)))
    found = decode_segmentation(outlines, 50, 70, size=(96, 96), scale_polygons=True)
    resized = decode_segmentation(outlines, 50, 70, size=(96, 96))
    assert np.array_equal(found, expected) and not np.array_equal(found, resized)
    assert (found & resized).sum() / (found | resized).sum() > 0.95
    whole = decode_segmentation(outlines, 50, 70, scale_polygons=True)
    assert np.array_equal(whole, decode_segmentation(outlines, 50, 70))


def test_rles_are_resized_either_way():
    rle = coco_mask.encode(np.asfortranarray(np.eye(20, 30, dtype=np.uint8)))
    scaled, resized = (decode_segmentation(rle, 20, 30, size=(40, 45), scale_polygons=scale) for scale in (True, False))
    assert np.array_equal(scaled, resized)


@pytest.mark.parametrize('size', [[2**70, 1], [1, 2**31], [-1, 4]])
def test_the_size_of_an_rle_is_one_of_an_image(size):
    """Such a one is an error of its object; nothing else of the file is lost."""
    outline = b'[[0, 0, 1, 1, 1, 0]]'
    found, problems = read_segmentations([json.dumps(dict(size=size, counts='a')).encode(), outline])
    assert list(problems) == [0] and f'found size [{size[0]}, {size[1]}]' in problems[0]
    assert found['coordinates'].tolist() == [0, 0, 1, 1, 1, 0]
