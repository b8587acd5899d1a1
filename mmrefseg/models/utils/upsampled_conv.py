"""A 3x3 convolution of a map that is upsampled first, computed at the size of the map."""

from typing import Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


def upsampled_conv(maps: Tensor, weight: Tensor, size: Tuple[int, int], align_corners: Optional[bool]) -> Tensor:
    """``conv2d(interpolate(maps, size, mode='bilinear', align_corners=align_corners), weight, padding=1)``.

    Both steps are linear, and so may change places: the product with each of the nine kernel positions is taken on
    the small map, and each is interpolated to where its kernel position reads. For twice the size that is a quarter
    of the multiply-adds, and interpolation, as two products with small matrices, little more.

    Args:
        maps (Tensor): (N, C, h, w).
        weight (Tensor): (C', C, 3, 3).
        size (Tuple[int, int]): (H, W) to upsample to.
        align_corners (bool, optional): As of ``interpolate``; None repeats the nearest pixel (``mode='nearest'``).

    Returns:
        Tensor: (N, C', H, W), channels last in memory.
    """
    images, channels, height, width = maps.shape
    # (N, C, h, w) -> (N, 1, h * w, C)
    pixels = maps.permute(0, 2, 3, 1).reshape(images, 1, height * width, channels)
    # (C', C, 3, 3) -> (3, 3 * C', C): a kernel row's three positions at once
    kernel = weight.permute(2, 3, 0, 1).flatten(1, 2)
    products = pixels @ kernel.transpose(1, 2)  # (N, 3, h * w, 3 * C')
    rows = _kernel_interpolation(height, size[0], align_corners, products)
    columns = _kernel_interpolation(width, size[1], align_corners, products)
    # (N, 3 * h, w * 3 * C') -> (N, H, w * 3 * C')
    products = rows.flatten(1) @ products.view(images, 3 * height, -1)
    # (N, H, w * 3, C') -> (N, H, W, C')
    products = columns.transpose(1, 2).flatten(1) @ products.view(images, size[0], 3 * width, -1)
    return products.permute(0, 3, 1, 2)


def _kernel_interpolation(old: int, new: int, align_corners: Optional[bool], like: Tensor) -> Tensor:
    """(new, 3, old): how much of each old position each of a kernel's three positions reads at each new one."""
    identity = torch.eye(old, dtype=torch.promote_types(like.dtype, torch.float32), device=like.device)[None]
    mode = 'nearest' if align_corners is None else 'linear'
    interpolation = F.interpolate(identity, size=new, mode=mode, align_corners=align_corners)  # (1, old, new)
    # Zeros beyond the edges, as the convolution pads.
    padded = F.pad(interpolation[0], (1, 1))
    return torch.stack([padded[:, position:position + new].t() for position in range(3)], dim=1).to(like.dtype)
