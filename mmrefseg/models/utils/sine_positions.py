"""Positions in a sentence as sines and cosines."""

import torch
from torch import Tensor


def sine_positions(length: int, channels: int, device: torch.device = None) -> Tensor:
    """The Transformer's position embedding: sin(p r), cos(p r), for rates r = 10000^(-2i/C).

    Args:
        length (int): L positions p.
        channels (int): C.
        device (torch.device, optional): Where it is made.

    Returns:
        Tensor: (L, C).
    """
    positions = torch.arange(length, device=device)[:, None]
    rates = 10000**(-torch.arange(0, channels, 2, device=device) / channels)
    angles = positions * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :channels]
