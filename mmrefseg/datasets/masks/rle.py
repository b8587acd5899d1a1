"""Masks as run lengths (COCO's RLE): read them, draw them, draw only the pixels that a smaller mask has.

Runs are the lengths of 0, 1, 0, 1, … in turn, down the columns, from the left.
"""

from functools import lru_cache
from typing import Tuple

import cv2
import numpy as np

from mmrefseg.utils.nearest import nearest_index


def read_runs(counts: bytes) -> np.ndarray:
    """Read a compressed RLE.

    A run is written in groups of 5 bits, lowest first, offset by 48, bit 5 = more groups follow, bit 4 of
    the last group = negative. From the fourth run on it is the difference to the run before the last
    (pycocotools' ``rleFrString``).

    Args:
        counts (bytes): As pycocotools writes them.

    Returns:
        np.ndarray: (runs,) int64; none if this is no compressed RLE. Of a broken one, runs may be negative and
        add up to anything.
    """
    groups = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    if not len(groups) or groups.min() < 0 or groups.max() > 63 or groups[-1] & 32:
        return np.empty(0, np.int64)
    ends = np.flatnonzero(groups < 32)
    starts = np.concatenate([[0], ends[:-1] + 1])
    if (ends - starts).max() > 6:  # 35 bits: longer than any run of pixels
        return np.empty(0, np.int64)
    shifts = 5 * (np.arange(len(groups)) - np.repeat(starts, ends - starts + 1))
    runs = np.add.reduceat((groups & 31) << shifts, starts)
    runs -= np.where(groups[ends] & 16, np.int64(32) << shifts[ends], 0)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs


def draw_runs(runs: np.ndarray, height: int, width: int) -> np.ndarray:
    """Draw a mask.

    Args:
        runs (np.ndarray): (runs,) int64, none negative, H * W in all.
        height (int): H.
        width (int): W.

    Returns:
        np.ndarray: (H, W) uint8.
    """
    # (W, H) -> (H, W)
    return cv2.transpose(_draw_columns(runs, height, width))


def resize_runs(runs: np.ndarray, height: int, width: int, new_height: int, new_width: int) -> np.ndarray:
    """Draw a mask at another size: the same as drawing it and resizing it to nearest neighbours, pixel for pixel.

    Where a run ends says how many of the pixels that are wanted lie before its end, so that the runs of the new mask
    follow from the old ones and no other pixel is drawn.

    Args:
        runs (np.ndarray): (runs,) int64, none negative, H * W in all.
        height (int): H.
        width (int): W.
        new_height (int): h.
        new_width (int): w.

    Returns:
        np.ndarray: (h, w) uint8.
    """
    _, rows_before, _ = _nearest(height, new_height)
    repeats, _, kept_before = _nearest(width, new_width)
    column, row = np.divmod(np.cumsum(runs), height)
    ends = kept_before[column] * new_height + (repeats[column] > 0) * rows_before[row]
    drawn = _draw_columns(np.diff(ends, prepend=0), new_height, int(kept_before[-1]))
    if len(drawn) < new_width:  # a wider mask: columns are repeated
        drawn = np.repeat(drawn, repeats[repeats > 0], axis=0)
    # (w, h) -> (h, w)
    return cv2.transpose(drawn)


def _draw_columns(runs: np.ndarray, height: int, width: int) -> np.ndarray:
    """Runs -> (W, H) uint8."""
    return np.repeat(np.arange(len(runs), dtype=np.int64).astype(np.uint8) & 1, runs).reshape(width, height)


@lru_cache(maxsize=4096)
def _nearest(length: int, new_length: int) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often nearest neighbours take each of ``length`` pixels, how many they take before it, and how many different
    ones: (length + 1,) each, for the end as for a pixel that is not taken."""
    repeats = np.bincount(nearest_index(length, new_length), minlength=length + 1)
    return repeats, np.cumsum(repeats) - repeats, np.cumsum(repeats > 0) - (repeats > 0)
