"""From masks to pixel counts, on the masks' own device."""

from functools import lru_cache
from typing import Tuple

import torch
from torch import Tensor

from mmrefseg.utils.nearest import nearest_index


@lru_cache(maxsize=1024)
def _nearest_index(source: int, target: int, device: torch.device) -> Tensor:
    """:func:`~mmrefseg.utils.nearest.nearest_index` on a device, (target,) int64.

    (torch's 'nearest-exact' multiplies in single precision and differs by a row or column at some sizes.)
    """
    # An asynchronous copy, as a plain one waits for the device.
    return torch.tensor(nearest_index(source, target)).to(device, non_blocking=True)


def resize_masks(masks: Tensor, size: Tuple[int, int]) -> Tensor:
    """Resize masks exactly as ``PIL.Image.resize(…, NEAREST)`` does.

    Args:
        masks (Tensor): (E, H, W).
        size (Tuple[int, int]): (h, w) wanted.

    Returns:
        Tensor: (E, h, w), of the same type and on the same device.
    """
    height, width = size
    if masks.shape[1] != height:
        masks = masks.index_select(1, _nearest_index(masks.shape[1], height, masks.device))
    if masks.shape[2] != width:
        masks = masks.index_select(2, _nearest_index(masks.shape[2], width, masks.device))
    return masks


def intersection_and_union(pred: Tensor, truth: Tensor, ignore_index: int = 255) -> Tensor:
    """Count the pixels of intersection and union of each mask.

    Args:
        pred (Tensor): (E, h, w), 1 = referent.
        truth (Tensor): (E, h, w), 1 = referent, ``ignore_index`` = not counted whatever ``pred`` says.
        ignore_index (int): Defaults to 255.

    Returns:
        Tensor: (2, E) int64: I = |pred and truth|, U = |pred or truth|; on the device of ``pred``.
    """
    pred, referent = pred == 1, truth == 1
    intersection = pred & referent
    union = (pred & (truth != ignore_index)) | referent
    return torch.stack([intersection.sum((1, 2)), union.sum((1, 2))])


def ignored_pixels(truth: Tensor, ignore_index: int = 255) -> Tensor:
    """Count the pixels of each mask that are left out.

    Args:
        truth (Tensor): (E, h, w).
        ignore_index (int): Their value. Defaults to 255.

    Returns:
        Tensor: (1, E) int64, on the device of ``truth``.
    """
    return (truth == ignore_index).sum((1, 2))[None]
