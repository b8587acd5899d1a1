"""How many channels a part gives, found out by running it on nothing."""

from typing import Tuple

import torch
from torch import Tensor, nn


def channels_of_maps(part: nn.Module, inputs) -> Tuple[int, ...]:
    """The channels of the maps that a backbone or neck makes.

    It runs as at inference: no statistic changes and no random number is drawn. ``part.eval()`` and ``part.train()``
    are not called, because mmseg's backbones freeze stages in them.

    Args:
        part (nn.Module): Gives one (B, C_i, H_i, W_i) map or several.
        inputs: What it takes.

    Returns:
        tuple[int]: C_i.
    """
    modes = {module: module.training for module in part.modules()}
    try:
        for module in modes:
            module.training = False
        with torch.no_grad():
            maps = part(inputs)
    finally:
        for module, mode in modes.items():
            module.training = mode
    return tuple(level.shape[1] for level in ((maps, ) if isinstance(maps, Tensor) else maps))
