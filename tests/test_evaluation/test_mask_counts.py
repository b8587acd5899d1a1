"""Pixel counts of masks."""

import numpy as np
import pytest
import torch
from PIL import Image

from mmrefseg.evaluation.mask_counts import intersection_and_union, resize_masks


@pytest.mark.parametrize('size', [(480, 480), (97, 640), (427, 97), (128, 128), (1, 1)])
@pytest.mark.parametrize('shape', [(427, 640), (6, 4), (333, 500), (128, 128), (1, 3)])
def test_resize_is_pillows_nearest(shape, size):
    masks = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)
    expected = [np.asarray(Image.fromarray(mask).resize(size[::-1], Image.NEAREST)) for mask in masks]
    resized = resize_masks(torch.from_numpy(masks), size)
    assert resized.dtype == torch.uint8
    np.testing.assert_array_equal(resized.numpy(), np.stack(expected))


def test_resize_of_rows_is_pillows_nearest_at_every_size():
    # The sizes at which torch's 'nearest-exact' takes another pixel are among these.
    for source in range(1, 641, 3):
        row = np.arange(source, dtype=np.int32)[None]
        for target in (97, 416, 480, 512):
            expected = np.asarray(Image.fromarray(row).resize((target, 1), Image.NEAREST))
            resized = resize_masks(torch.from_numpy(row)[None], (1, target))[0]
            np.testing.assert_array_equal(resized.numpy(), expected, err_msg=f'{source} -> {target}')


@pytest.mark.parametrize('dtype', [torch.uint8, torch.bool, torch.int64])
def test_counts(dtype):
    pred = torch.tensor([[[1, 1, 0, 0]], [[0, 0, 0, 0]], [[1, 1, 1, 1]]]).to(dtype)
    truth = torch.tensor([[[1, 0, 1, 0]], [[0, 0, 0, 0]], [[255, 255, 1, 0]]], dtype=torch.uint8)
    counts = intersection_and_union(pred, truth)
    assert counts.dtype == torch.int64
    assert counts.tolist() == [[1, 0, 1], [3, 0, 2]]
