"""Single precision inside a forward pass in mixed precision, where half of it would be too coarse."""

from contextlib import nullcontext
from typing import ContextManager

import torch
from torch import Tensor


def without_autocast(tensor: Tensor) -> ContextManager:
    """A context in which autocast leaves products on the device of ``tensor`` in the type that they are given in."""
    device = tensor.device.type
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


def at_least_float32(tensor: Tensor) -> Tensor:
    """A tensor in half precision as float32; one in float32 or float64 as it is, without a copy."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
