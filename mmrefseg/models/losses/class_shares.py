"""Shares of the classes in each pixel of a target, be it a mask or a probability."""

from typing import Tuple

import torch
from torch import Tensor


def class_shares(target: Tensor, ignore_index: int, dtype: torch.dtype) -> Tuple[Tensor, Tensor]:
    """How much of each pixel is background and object, and whether it counts.

    Args:
        target (Tensor): (N, H, W). Integers: 1 = object, 0 = background. Floating point, a soft target: the probability
            of the object, 0 to 1. ``ignore_index`` in both: neither.
        ignore_index (int): Pixels of this target count nowhere.
        dtype (torch.dtype): Of the shares.

    Returns:
        tuple[Tensor, Tensor]: (N, 2, H, W), background and object, both 0 where a pixel does not count; (N, H, W) bool,
        True where it does.
    """
    counted = target != ignore_index
    if target.is_floating_point():
        referent = target.to(dtype).masked_fill(~counted, 0)
        return torch.stack([counted.to(dtype) - referent, referent], dim=1), counted
    return torch.stack([target == 0, target == 1], dim=1).to(dtype), counted
