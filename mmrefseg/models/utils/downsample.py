"""Masks at the size of a coarse prediction."""

from typing import Sequence

import torch.nn.functional as F
from torch import Tensor


def downsample_target(target: Tensor, size: Sequence[int], mode: str = 'nearest-exact') -> Tensor:
    """Bring masks to a coarser grid: each cell takes the pixel at its centre, so 0, 1 and "ignored" stay what they are.

    Args:
        target (Tensor): (N, H, W), int64 or, a soft target, floating point.
        size (Sequence[int]): (h, w).
        mode (str): 'nearest-exact', or 'nearest', whose pixel is the one at the cell's upper left corner. Defaults to
            'nearest-exact'.

    Returns:
        Tensor: (N, h, w), of the type that came.
    """
    # (N, H, W) -> (N, 1, H, W) and back; interpolation takes no int64
    return F.interpolate(target[:, None].float(), size=tuple(size), mode=mode)[:, 0].to(target.dtype)
