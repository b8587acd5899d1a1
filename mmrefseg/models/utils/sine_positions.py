"""Positions in a sentence or a map as sines and cosines."""

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


def sine_map(height: int, width: int, channels: int, device: torch.device = None) -> Tensor:
    """The column's position in the first half of the channels, the row's in the second (CRIS, CVPR 2022, §3.3).

    Args:
        height (int): H.
        width (int): W.
        channels (int): C, a multiple of 4.
        device (torch.device, optional): Where it is made.

    Returns:
        Tensor: (H, W, C).
    """
    columns = sine_positions(width, channels // 2, device).expand(height, -1, -1)
    rows = sine_positions(height, channels // 2, device)[:, None].expand(-1, width, -1)
    return torch.cat([columns, rows], dim=2)
