"""Average pooling to a size, repeatable on CUDA."""

from typing import Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


def adaptive_average(maps: Tensor, size: Tuple[int, int]) -> Tensor:
    """``adaptive_avg_pool2d``, as two products of matrices where deterministic algorithms are asked for.

    Its own gradient on CUDA adds up in an order that varies, and stops with an error under
    ``torch.use_deterministic_algorithms``.

    Args:
        maps (Tensor): (N, C, H, W).
        size (tuple[int]): h, w.

    Returns:
        Tensor: (N, C, h, w).
    """
    if not torch.are_deterministic_algorithms_enabled():
        return F.adaptive_avg_pool2d(maps, size)
    # The means of the columns of an identity are the weights of the means: (H, h) and (W, w).
    rows, columns = (F.adaptive_avg_pool1d(torch.eye(old, dtype=maps.dtype, device=maps.device), new)
                     for old, new in zip(maps.shape[2:], size))
    return rows.T @ maps @ columns
