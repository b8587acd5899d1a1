"""Predictions on a letterboxed image, taken back to the image's own size."""

from typing import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmrefseg.structures import LetterboxGeometry


def undo_letterbox(maps: Tensor, geometry: LetterboxGeometry, size: Sequence[int], interpolation: str = 'bicubic',
                   outside: str = 'zeros') -> Tensor:
    """Sample a prediction where the pixels of the image lie in it.

    Where the image was warped, this is the inverse warp, as ``cv2.warpAffine`` does it (CRIS' evaluation) but without
    its rounding of positions to 1/32 of a pixel. Where it was resized to whole pixels, they are cut out and resized.

    Args:
        maps (Tensor): (R, K, H, W) at the size of the letterbox.
        geometry (LetterboxGeometry): Of :class:`Letterbox`.
        size (Sequence[int]): (H', W') of the image.
        interpolation (str): 'bilinear' or 'bicubic'. Defaults to 'bicubic'.
        outside (str): What lies beside the maps: 'zeros', as in CRIS, or the nearest pixel, 'border'. Defaults to
            'zeros'.

    Returns:
        Tensor: (R, K, H', W').
    """
    height, width = size[:2]
    if geometry.whole_pixels:
        rows, columns = geometry.fitted_size(size)
        left, top = int(geometry.left), int(geometry.top)
        cut = maps[..., top:top + rows, left:left + columns]
        return F.interpolate(cut, (height, width), mode=interpolation, align_corners=False)
    x, y = (torch.arange(count, device=maps.device, dtype=torch.float64) * scale + start
            for count, scale, start in ((width, geometry.scale_x, geometry.left),
                                        (height, geometry.scale_y, geometry.top)))
    # grid_sample's own units: -1 is the first pixel's centre, 1 the last one's.
    x, y = (2 * values / max(count - 1, 1) - 1 for values, count in ((x, maps.shape[3]), (y, maps.shape[2])))
    grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=2).to(maps.dtype)[None]
    # All rows are channels of one image: the grid is theirs together.
    sampled = F.grid_sample(
        maps.flatten(0, 1)[None], grid, mode=interpolation, padding_mode=outside, align_corners=True)
    return sampled[0].unflatten(0, maps.shape[:2])
