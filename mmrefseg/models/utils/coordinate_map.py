"""Coordinates of each cell of a map, as eight channels."""

from typing import Optional

import torch
from torch import Tensor


def coordinate_map(height: int, width: int, device: Optional[torch.device] = None) -> Tensor:
    """The spatial coordinates of Hu et al., "Segmentation from Natural Language Expressions" (ECCV 2016), §3.3.

    Eight channels a cell: the left, top, right and bottom edge and the centre's x and y, each from -1 to 1 over the
    map, then 1/W and 1/H.

    Args:
        height (int): H of the map.
        width (int): W of the map.
        device (torch.device, optional): Where the map is made.

    Returns:
        Tensor: (8, H, W) float32.
    """
    columns = torch.arange(width, device=device).expand(height, width)
    rows = torch.arange(height, device=device)[:, None].expand(height, width)
    left, right = 2 * columns / width - 1, 2 * (columns + 1) / width - 1
    top, bottom = 2 * rows / height - 1, 2 * (rows + 1) / height - 1
    sizes = (torch.full_like(left, 1 / width), torch.full_like(left, 1 / height))
    return torch.stack([left, top, right, bottom, (left + right) / 2, (top + bottom) / 2, *sizes])
