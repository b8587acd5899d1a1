"""Nearest-neighbour resizing of masks, to the pixel as Pillow has it."""

from functools import lru_cache
from typing import Tuple

import numpy as np


@lru_cache(maxsize=4096)
def nearest_index(length: int, new_length: int) -> np.ndarray:
    """Pixels of a row that nearest neighbours take.

    The centre of a new pixel lies in the pixel that is taken; the centres are summed up one step after the other, since
    Pillow does so and where a centre falls on an edge the rounding decides. OpenCV before 5 chooses otherwise there.

    Args:
        length (int): Pixels of the row.
        new_length (int): Pixels wanted.

    Returns:
        np.ndarray: (new_length,) int64, ascending; read-only.
    """
    step = length / new_length
    centres = np.full(new_length, step)
    centres[:1] = step * 0.5
    index = np.minimum(np.add.accumulate(centres).astype(np.int64), length - 1)
    index.flags.writeable = False
    return index


def resize_nearest(mask: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
    """Resize a mask.

    Args:
        mask (np.ndarray): (H, W).
        size (tuple[int, int]): h, w.

    Returns:
        np.ndarray: (h, w), of the same type.
    """
    height, width = mask.shape
    return mask[nearest_index(height, size[0])][:, nearest_index(width, size[1])]
