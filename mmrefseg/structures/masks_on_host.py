"""Masks from a device to the host, a bit a pixel."""

from typing import List, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def masks_on_host(masks: Sequence[Tensor]) -> List[np.ndarray]:
    """Bring the masks of some images over in one transfer, eight pixels a byte.

    Args:
        masks (Sequence[Tensor]): For each image (E, H, W), 0 or 1 of any type; all on one device.

    Returns:
        list[np.ndarray]: For each image (E, H, W) bool.
    """
    pixels = torch.cat([mask.flatten() for mask in masks]) != 0
    eights = F.pad(pixels.to(torch.uint8), (0, -len(pixels) % 8)).view(-1, 8)
    places = 2**torch.arange(7, -1, -1, dtype=torch.uint8, device=pixels.device)
    packed = (eights * places).sum(1, dtype=torch.uint8).cpu().numpy()
    unpacked = np.unpackbits(packed, count=len(pixels)).view(bool)
    ends = np.cumsum([mask.numel() for mask in masks])
    return [part.reshape(mask.shape) for part, mask in zip(np.split(unpacked, ends[:-1]), masks)]
