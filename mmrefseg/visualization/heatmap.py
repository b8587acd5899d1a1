"""A map of numbers over an image."""

from functools import lru_cache
from typing import Optional, Sequence

import cv2
import matplotlib
import numpy as np
import torch.nn.functional as F
from torch import Tensor

from .panel import TRUTH, check_image, mask_at_size, outline_mask, panel_size, resize_image


@lru_cache(maxsize=1)
def heat_ramp() -> np.ndarray:
    """The colours from cold to hot, (256, 3) uint8, RGB: brighter is more, for all eyes and in print."""
    return (matplotlib.colormaps['inferno'](np.linspace(0, 1, 256))[:, :3] * 255).round().astype(np.uint8)


def heat_panel(image: np.ndarray, heat: Tensor, width: int, truth=None, input_size: Optional[Sequence[int]] = None,
               img_size: Optional[Sequence[int]] = None, strength: float = 0.8) -> np.ndarray:
    """Draw a map over an image, whose own colours give way to grey.

    Args:
        image (np.ndarray): (H, W, 3) uint8, RGB.
        heat (Tensor): (h, w), 0 = cold, 1 = hot; what lies outside is taken for the nearest.
        width (int): Pixels of the longer side that is drawn.
        truth (np.ndarray | Tensor, optional): A mask (H', W') whose outline is drawn, dashed.
        input_size (Sequence[int], optional): Height and width of what the map covers, in which the image may be
            padded at the right and the bottom. None: the image alone.
        img_size (Sequence[int], optional): Height and width of the image in it.
        strength (float): Share of the colour where it is hot; half of it where it is cold, so that the image is
            seen there. Defaults to 0.8.

    Returns:
        np.ndarray: (h', w', 3) uint8, RGB.
    """
    image = check_image(image)
    size = panel_size(image.shape, (width, width))
    scale = [1., 1.] if input_size is None else [own / whole for own, whole in zip(img_size, input_size)]
    whole = [round(length / share) for length, share in zip(size, scale)]
    heat = F.interpolate(heat[None, None].float(), size=whole, mode='bilinear', align_corners=False)[0, 0]
    heat = heat[:size[0], :size[1]].clamp(0, 1)
    heat = heat.cpu().numpy()
    colors = heat_ramp()[(heat * 255).round().astype(np.uint8)]
    gray = cv2.cvtColor(resize_image(image, size), cv2.COLOR_RGB2GRAY)[..., None]
    share = strength * (0.5 + 0.5 * heat[..., None])
    panel = (share * colors + (1 - share) * gray).round().astype(np.uint8)
    return panel if truth is None else outline_mask(panel, mask_at_size(truth, size), TRUTH, dashed=True)
