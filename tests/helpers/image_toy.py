"""A small image that lossy formats keep, a big one, and what a pipeline is given."""

import numpy as np
from PIL import Image
from refer_toy import rle, square

HEIGHT, WIDTH = 40, 60


def smooth_image() -> np.ndarray:
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


def big_image(height=427, width=641):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, 255 - (x + y) * 255 // (width + height)], -1).astype(np.uint8)
