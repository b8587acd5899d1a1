"""Nearest neighbours are Pillow's, whatever OpenCV is installed."""

import numpy as np
import pytest
from PIL import Image

from mmrefseg.utils.nearest import nearest_index, resize_nearest


@pytest.mark.parametrize('length', [1, 2, 7, 96, 320, 427, 480, 500, 640, 1023])
def test_index_is_pillows(length):
    row = Image.fromarray(np.arange(length, dtype=np.int32)[None])
    for new_length in (1, 3, 10, 97, 240, 333, 480, 641, 1000):
        expected = np.asarray(row.resize((new_length, 1), Image.NEAREST))[0]
        np.testing.assert_array_equal(nearest_index(length, new_length), expected)


def test_masks_are_pillows():
    mask = (np.random.default_rng(0).random((43, 64)) > 0.5).astype(np.uint8)
    for size in ((48, 48), (43, 64), (5, 7), (90, 31)):
        expected = np.asarray(Image.fromarray(mask).resize(size[::-1], Image.NEAREST))
        np.testing.assert_array_equal(resize_nearest(mask, size), expected)
