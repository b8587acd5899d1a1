"""Opens an image that somebody uploaded: it may be anything."""

from pathlib import Path
from typing import Optional, Tuple, Union

import numpy as np
from PIL import Image, ImageOps

from mmrefseg.datasets.image_header import LYING, ORIENTATION
from mmrefseg.errors import RefDataError

FORMATS = ('JPEG', 'PNG', 'WEBP', 'BMP', 'TIFF', 'GIF')
# Below the 89 million from which Pillow warns; decoded they are 240 MB.
MAX_PIXELS = 80_000_000
# Networks see 480 pixels or so: more makes masks and drawings large, and no better.
MAX_SIDE = 1600


def open_image(path: Union[str, Path]) -> Tuple[np.ndarray, Optional[str]]:
    """Read an image as a person sees it: turned as its EXIF orientation says, unlike data sets' images.

    The header alone decides whether there are too many pixels to decode. Of an animation the first image is
    taken; transparency is dropped.

    Args:
        path (str | Path): The file; its name's ending does not matter.

    Returns:
        tuple[np.ndarray, str | None]: (H, W, 3) uint8 RGB, neither side above :data:`MAX_SIDE`, and a note if it was
        made smaller.

    Raises:
        RefDataError: The file is no image of :data:`FORMATS`, is broken, or has over :data:`MAX_PIXELS` pixels.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            if width * height <= MAX_PIXELS:
                return _decode(image)
    except Image.DecompressionBombError as error:  # Pillow's own limit, twice the one from which it warns
        raise RefDataError(_too_large(f'over {2 * Image.MAX_IMAGE_PIXELS / 1e6:.0f}')) from error
    except Exception as error:  # each decoder raises its own
        raise RefDataError(f'This file cannot be read as a picture ({", ".join(FORMATS)}): it is something else or '
                           'broken.') from error
    raise RefDataError(_too_large(f'{width} x {height} is {width * height / 1e6:.0f}'))


def _too_large(found: str) -> str:
    return f'This picture is too large: {found} million pixels, at most {MAX_PIXELS / 1e6:.0f} million are taken.'


def _decode(image: Image.Image) -> Tuple[np.ndarray, Optional[str]]:
    """The pixels, and the note."""
    lies_on_its_side = image.getexif().get(ORIENTATION) in LYING
    whole = image.size[::-1] if lies_on_its_side else image.size
    image.draft('RGB', (MAX_SIDE, MAX_SIDE))  # a large JPEG is decoded at a half, a quarter or an eighth
    upright = _to_rgb(ImageOps.exif_transpose(image))
    upright.thumbnail((MAX_SIDE, MAX_SIDE))
    note = None
    if upright.size != whole:
        note = 'The picture has {} x {} pixels; it was made smaller: {} x {}.'.format(*whole, *upright.size)
    return np.array(upright), note


def _to_rgb(image: Image.Image) -> Image.Image:
    """Eight bits and three channels of whatever there is."""
    if image.mode.startswith('I'):  # 16 bits, which Pillow would clip at 255
        return Image.fromarray((np.asarray(image) / 257).clip(0, 255).astype(np.uint8)).convert('RGB')
    return image.convert('RGB')
