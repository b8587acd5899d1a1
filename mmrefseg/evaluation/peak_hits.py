"""Does the peak of a heatmap lie in the ground truth mask? (LTS, CVPR 2021, §4.3)."""

from functools import lru_cache
from typing import Optional, Tuple

import torch
from torch import Tensor


def peak_in_mask(prior: Tensor, truth: Tensor, input_size: Optional[Tuple[int, int]] = None,
                 img_size: Optional[Tuple[int, int]] = None) -> Tensor:
    """Whether the centre of the highest cell of each heatmap lies in its mask.

    The heatmap covers the network's input, in which the image may be padded at the right and the bottom; the mask
    covers the image. Cells whose centre is padding are no candidates. Of several highest cells the first counts.

    Args:
        prior (Tensor): (E, h, w), a heatmap an expression.
        truth (Tensor): (E, H, W), 1 = referent, on any device.
        input_size (tuple[int, int], optional): Height and width of the network's input. None: nothing is padded.
        img_size (tuple[int, int], optional): Height and width of the image in it. None: nothing is padded.

    Returns:
        Tensor: (E,) bool, on the device of ``prior``.
    """
    if input_size is None or img_size is None:
        input_size = img_size = (1, 1)
    rows = _centres(prior.shape[1], input_size[0], img_size[0], truth.shape[1], truth.device)
    columns = _centres(prior.shape[2], input_size[1], img_size[1], truth.shape[2], truth.device)
    inside = prior[:, :len(rows), :len(columns)]
    peak = inside.flatten(1).argmax(dim=1)
    # The truth at the centre of each cell: (E, H, W) -> (E, h', w'); few values to bring to another device.
    at_centres = truth.index_select(1, rows).index_select(2, columns)
    at_centres = at_centres.to(prior.device, non_blocking=True).flatten(1)
    return at_centres.gather(1, peak[:, None])[:, 0] == 1


@lru_cache(maxsize=1024)
def _centres(cells: int, input_length: int, img_length: int, truth_length: int, device: torch.device) -> Tensor:
    """The pixel of the truth at the centre of each cell that lies in the image, along one axis; at least one."""
    centres = (torch.arange(cells) + 0.5) * (input_length / cells)  # in pixels of the input
    centres = centres[:max(1, int((centres < img_length).sum()))]
    index = (centres * (truth_length / img_length)).long().clamp(max=truth_length - 1)
    return index.to(device, non_blocking=True)  # a plain copy waits for the device
