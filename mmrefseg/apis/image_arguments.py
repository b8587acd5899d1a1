"""Images as programs have them: paths, arrays as cv2 reads them, images of Pillow."""

from pathlib import Path
from typing import Union

import numpy as np
from mmengine.utils import is_str
from PIL import Image as PillowImage
from PIL import ImageOps

from mmrefseg.datasets.budget import check_pixels

Image = Union[str, Path, np.ndarray, PillowImage.Image]


def is_path(image: Image) -> bool:
    """bool: Whether an image is given by a path or URL."""
    return is_str(image) or isinstance(image, Path)


def is_one_image(images: object) -> bool:
    """bool: Whether this is an image, and not several."""
    return is_path(images) or isinstance(images, (np.ndarray, PillowImage.Image))


def to_array(image: Union[np.ndarray, PillowImage.Image], upright: bool = True) -> np.ndarray:
    """Make an array of an image that is none yet.

    Args:
        image (np.ndarray | PIL.Image.Image): An array, or an image of Pillow of any mode; transparency is dropped.
        upright (bool): Turn an image of Pillow by its EXIF orientation, if it has one. Defaults to True.

    Returns:
        np.ndarray: (H, W, 3) uint8 BGR.

    Raises:
        ValueError: It is neither, or no (H, W, 3) uint8 array of at least one pixel.
        RefDataError: It has more pixels than the budget.
    """
    if isinstance(image, PillowImage.Image):
        check_pixels(image.height, image.width, 'an image of Pillow')
        image = ImageOps.exif_transpose(image) if upright else image
        if image.mode.startswith('I'):  # 16 bits, which Pillow would clip at 255
            values = np.asarray(image)
            gray = (values / 257).clip(0, 255).astype(np.uint8)
            return np.repeat(gray[..., None], 3, axis=2)
        return np.ascontiguousarray(np.asarray(image.convert('RGB'))[..., ::-1])
    if not isinstance(image, np.ndarray):
        raise ValueError('expected a path, a (H, W, 3) uint8 array or an image of Pillow, found '
                         f'{type(image).__name__}')
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0 or image.dtype != np.uint8:
        raise ValueError(f'expected a (H, W, 3) uint8 array of at least one pixel, found {image.shape} {image.dtype}')
    return image
