"""Numbers of the host as an index on a device."""

from typing import Sequence

import torch
from torch import Tensor


def device_index(numbers: Sequence[int], device=None) -> Tensor:
    """Numbers as an index on a device, without waiting for it, as a tensor that is made there would.

    Args:
        numbers (Sequence[int]): N of them, or rows of them.
        device: Where the index goes. Defaults to the CPU.

    Returns:
        Tensor: (N, ...) int64.
    """
    return torch.tensor(numbers, dtype=torch.int64).to(device, non_blocking=True)
