"""An image with masks drawn on it."""

import os
from typing import Optional, Tuple, Union

import cv2
import mmcv
import numpy as np
import torch
from mmengine import fileio
from PIL import Image
from torch import Tensor

from mmrefseg.evaluation.mask_counts import intersection_and_union, resize_masks
from mmrefseg.utils.whole_file import whole_file

from .text import Color

# Orange and blue: told apart by nearly all eyes, and rare in the same place of a photograph.
PREDICTION: Color = (255, 112, 0)
TRUTH: Color = (0, 119, 255)
# What is said of an expression that has an empty mask for a reason (generalized referring segmentation).
NO_OBJECT = 'no such object'


def read_image(path: str) -> np.ndarray:
    """An image's own pixels, (H, W, 3) uint8 RGB, as :class:`LoadRefImage` takes them: not turned by its EXIF."""
    # mmcv heeds channel_order with its plain 'color' flag only
    return mmcv.bgr2rgb(mmcv.imfrombytes(fileio.get(path), flag='color_ignore_orientation'))


def check_image(image: np.ndarray) -> np.ndarray:
    """Take an image as (H, W, 3) uint8.

    Raises:
        ValueError: It is not an (H, W, 3) or (H, W) uint8 array.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim not in (2, 3) \
            or (image.ndim == 3 and image.shape[2] != 3):
        found = f'{image.dtype} of shape {image.shape}' if isinstance(image, np.ndarray) else type(image)
        raise ValueError(f'the picture is {found}, expected an RGB array (H, W, 3) of uint8')
    return image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)


def mask_at_size(mask: Union[np.ndarray, Tensor], size: Tuple[int, int]) -> np.ndarray:
    """Bring a mask (h, w) to ``size`` = (H, W) by nearest, as uint8.

    Raises:
        ValueError: It is not two-dimensional.
    """
    mask = torch.as_tensor(mask).detach().cpu()
    if mask.ndim != 2:
        raise ValueError(f'a mask has the shape {tuple(mask.shape)}, expected (H, W)')
    return resize_masks(mask.to(torch.uint8)[None], tuple(size))[0].numpy()


def iou_percent(pred: np.ndarray, truth: np.ndarray) -> float:
    """IoU of two masks (H, W), percent; 0 where both are empty, 255 in ``truth`` not counted."""
    intersection, union = intersection_and_union(
        torch.from_numpy(pred)[None], torch.from_numpy(truth)[None]).flatten().tolist()
    return 100 * intersection / max(union, 1)


def panel_size(shape: Tuple[int, ...], sides: Tuple[int, int]) -> Tuple[int, int]:
    """Size (h, w) at which an image of ``shape`` (H, W, …) is drawn: its longer side within ``sides``."""
    longer = max(shape[:2])
    scale = min(max(longer, sides[0]), sides[1]) / longer
    return max(round(shape[0] * scale), 1), max(round(shape[1] * scale), 1)


def resize_image(image: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
    """Resize an image to ``size`` = (h, w), without aliasing."""
    if image.shape[:2] == tuple(size):
        return image
    method = cv2.INTER_AREA if size[0] < image.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(image, size[::-1], interpolation=method)


def tint_mask(image: np.ndarray, mask: np.ndarray, color: Color, alpha: float) -> np.ndarray:
    """Mix a colour into the pixels of a mask.

    Args:
        image (np.ndarray): (h, w, 3) uint8, RGB; it is not changed.
        mask (np.ndarray): (h, w) uint8, 1 = tinted.
        color (Color): RGB.
        alpha (float): Share of the colour in the tinted pixels.

    Returns:
        np.ndarray: (h, w, 3) uint8, RGB.
    """
    drawn = image.copy()
    inside = mask == 1
    drawn[inside] = ((1 - alpha) * image[inside] + alpha * np.array(color)).round()
    return drawn


def outline_mask(image: np.ndarray, mask: np.ndarray, color: Color, dashed: bool = False) -> np.ndarray:
    """Draw the outline of a mask, with a white rim that parts it from a background of its own colour.

    Args:
        image (np.ndarray): (h, w, 3) uint8, RGB; it is not changed.
        mask (np.ndarray): (h, w) uint8, 1 = inside.
        color (Color): RGB.
        dashed (bool): Leave gaps, through which an outline below can be seen. Defaults to False.

    Returns:
        np.ndarray: (h, w, 3) uint8, RGB.
    """
    drawn = np.ascontiguousarray(image.copy())
    width = max(round(max(image.shape[:2]) / 250), 2)
    lines, _ = cv2.findContours((mask == 1).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if dashed:
        dash = 5 * width
        lines = [line[start:start + dash] for line in lines for start in range(0, len(line), 2 * dash)]
    for line_color, line_width in (((255, 255, 255), width + 2), (color, width)):
        cv2.polylines(drawn, lines, not dashed, line_color, line_width, cv2.LINE_AA)
    return drawn


def write_image(image: np.ndarray, path: str, colors: Optional[int] = None) -> None:
    """Write an RGB image (H, W, 3), atomically; its folder is made.

    Args:
        image (np.ndarray): (H, W, 3) uint8, RGB.
        path (str): The file.
        colors (int, optional): Reduce it to so many colours, 2 to 256: a PNG is then a third as large. Defaults to all.

    Raises:
        ValueError: The ending of ``path`` is not that of an image format.
        OSError: The file cannot be written; see :func:`mmrefseg.utils.whole_file.whole_file`.
    """
    name = str(path)
    image_format = Image.registered_extensions().get(os.path.splitext(name)[1].lower())
    if image_format not in Image.SAVE:
        raise ValueError(f'{name} does not end like a picture file (.png, .jpg, …)')
    drawn = Image.fromarray(image)
    if colors is not None:
        drawn = drawn.quantize(colors, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        drawn = drawn if image_format == 'PNG' else drawn.convert('RGB')  # few other formats have a palette
    with whole_file(name, one_of_many=True) as part:
        drawn.save(part, format=image_format, optimize=colors is not None)
