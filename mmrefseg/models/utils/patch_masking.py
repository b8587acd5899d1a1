"""Images with patches at zero (He et al., "Masked Autoencoders", CVPR 2022, as MaskRIS takes it)."""

import torch
import torch.nn.functional as F
from torch import Tensor


def mask_patches(images: Tensor, ratio: float, patch_size: int, grid: bool = False) -> Tensor:
    """Set patches of normalised images to zero, drawn anew for each image.

    Of P patches ``floor(P (1 - ratio))`` stay, so at 0.75 and a P that is a multiple of four exactly three quarters go.

    Args:
        images (Tensor): (B, C, H, W).
        ratio (float): From 0 to 1.
        patch_size (int): Side of a patch, in pixels.
        grid (bool): One patch stays of each 2 x 2, the same in all of an image; ``ratio`` is 0.75. Defaults to False.

    Returns:
        Tensor: (B, C, H, W), a copy.

    Raises:
        ValueError: The sides are no multiples of ``patch_size``, with ``grid`` of twice that; or ``grid`` with another
            ratio.
    """
    height, width = images.shape[2:]
    if grid and ratio != 0.75:
        raise ValueError(f'a grid keeps one patch of four, so model.masking.image_ratio is 0.75, found {ratio}')
    step = patch_size * (1 + grid)
    if height % step or width % step:
        raise ValueError(f'model.masking.patch_size is {patch_size}{" in a grid of 2 x 2" * grid}, but the images are '
                         f'{height} x {width} (height x width): both must be multiples of {step}')
    rows, columns = height // patch_size, width // patch_size
    if grid:
        kept = torch.randint(4, (len(images), 1, 1), device=images.device)
        row, column = torch.arange(rows, device=images.device) % 2, torch.arange(columns, device=images.device) % 2
        visible = (2 * row[:, None] + column)[None] == kept
    else:
        count = rows * columns
        order = torch.rand(len(images), count, device=images.device).argsort(dim=1).argsort(dim=1)
        # 1e-6: 0.4 of ten stays four, whatever 1 - 0.6 is in binary
        visible = (order < int(count * (1 - ratio) + 1e-6)).unflatten(1, (rows, columns))
    # (B, rows, columns) -> (B, 1, H, W)
    visible = F.interpolate(visible[:, None].to(images.dtype), size=(height, width), mode='nearest')
    return images * visible
