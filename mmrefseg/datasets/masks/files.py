"""Reads masks from picture files."""

from collections.abc import Sequence
from typing import Union

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from mmrefseg.errors import RefDataError

Foreground = Union[None, int, Sequence]


def read_mask_file(path: str, foreground: Foreground = None) -> np.ndarray:
    """Read a mask from PNG, TIFF or whatever else PIL reads and loses nothing.

    Args:
        path (str): The file. Of one with a palette the indices count; transparency is ignored, and so is EXIF's
            orientation, but for TIFF's.
        foreground (int | Sequence[int], optional): The values of the object. Default: all but zero.

    Returns:
        np.ndarray: (H, W) bool.

    Raises:
        RefDataError: The file is missing, broken or a JPEG, or has colours where ``foreground`` needs values.
    """
    try:
        # PIL maps a file that it is given by name, and does so wrongly where a TIFF is to be turned.
        with open(path, 'rb') as file, Image.open(file) as picture:
            if picture.format == 'JPEG':
                raise RefDataError(f'its mask {path} is a JPEG, which blurs the values: expected PNG or TIFF')
            values = np.asarray(picture)
            bands = picture.getbands()
    except FileNotFoundError as error:
        raise RefDataError(f'its mask {path} is missing') from error
    except RefDataError:
        raise
    except Exception as error:  # each of PIL's readers raises its own
        raise RefDataError(f'its mask {path} cannot be read: {error}') from error
    if values.ndim == 3:
        values = values[..., [band != 'A' for band in bands]]
        if foreground is not None and (values != values[..., :1]).any():
            raise RefDataError(f'its mask {path} is coloured, and foreground={foreground} means values of one channel')
        values = values.max(axis=2)
    return values != 0 if foreground is None else np.isin(values, foreground)


def encode_mask(mask: np.ndarray) -> dict:
    """Encode a mask as an RLE.

    Args:
        mask (np.ndarray): (H, W) bool or uint8.

    Returns:
        dict: ``size`` [H, W] and ``counts`` (str), as JSON has it.
    """
    rle = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return dict(size=list(rle['size']), counts=rle['counts'].decode('ascii'))
