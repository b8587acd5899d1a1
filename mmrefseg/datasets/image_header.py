"""Headers of image files: what they would be once decoded, before a pixel of them is."""

import io
import os
import re
import struct
import threading
import warnings
from typing import BinaryIO, NamedTuple, Tuple, Union

from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from mmrefseg.errors import RefDataError

from .budget import check_budget, check_pixels, limit
from .file_names import check_file

_MODE_BYTES = {'1': 1, 'L': 1, 'P': 1, 'LA': 2, 'PA': 2, 'RGB': 3, 'YCbCr': 3, 'LAB': 3, 'HSV': 3, 'La': 2, 'I': 4,
               'F': 4, 'RGBA': 4, 'CMYK': 4, 'RGBX': 4, 'RGBa': 4}
_PILLOWS_LIMIT = threading.Lock()
ORIENTATION, LYING = 0x0112, (5, 6, 7, 8)  # of EXIF: height and width change places when the image is turned


class ImageHeader(NamedTuple):
    """A header.

    Attributes:
        format: Pillow's name of the format: 'PNG'.
        height, width: Of the pixels as they are stored; of a TIFF as it is turned, which its decoders do.
    """

    format: str
    height: int
    width: int

    def fits(self, expected: Tuple[int, int]) -> bool:
        """bool: Whether it can become an image of this height and width."""
        found = (self.height, self.width)
        return found == tuple(expected) or self.format == 'TIFF' and found[::-1] == tuple(expected)


def read_header(source: Union[str, bytes], what: str) -> ImageHeader:
    """Read the header of an image file and hold it against the budget.

    Args:
        source (str | bytes): The file's path, or all that is in it.
        what (str): Says in the error which: ``'its image a.png'``.

    Returns:
        ImageHeader: Its size.

    Raises:
        RefDataError: It is no regular file, no image, or asks for more than the budget: see :mod:`.budget`.
        OSError: It cannot be read.
    """
    if isinstance(source, bytes):
        return _read(io.BytesIO(source), what)
    check_file(source, what)
    with open(source, 'rb') as file:
        return _read(file, what)


def _read(file: BinaryIO, what: str) -> ImageHeader:
    raise_pillows_limit()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)  # the budget is ours
            with Image.open(file) as image:
                (width, height), kind = image.size, image.format
                if kind == 'TIFF' and image.tag_v2.get(ORIENTATION) in LYING:  # newer Pillows say so themselves
                    tags = image.tag_v2
                    width, height = tags[TiffImagePlugin.IMAGELENGTH], tags[TiffImagePlugin.IMAGEWIDTH]
                depth = _bytes_of_pixel(image)
    except Image.DecompressionBombError as error:
        asked = re.search(r'\d+', str(error))  # Pillow says how many
        check_budget('MAX_PIXELS', int(asked.group()) if asked else float('inf'), what)
        raise RefDataError(f'{what} is too large for Pillow: {error}') from error
    except UnidentifiedImageError as error:
        found = _read_tiff(file)  # of types that Pillow does not know
        if found is None:
            raise RefDataError(f'{what} is broken or cannot be read: it begins like no image that is known') from error
        width, height, depth = found
        kind = 'TIFF'
    except (OSError, RefDataError):
        raise
    except Exception as error:  # each of Pillow's readers raises its own
        raise RefDataError(f'{what} is broken or cannot be read: {error}') from error
    check_pixels(height, width, what)
    check_budget('MAX_IMAGE_BYTES', height * width * depth, what)
    return ImageHeader(kind, height, width)


def raise_pillows_limit() -> None:
    """Let Pillow decode what the budget allows; its own limit stays where that is higher."""
    if os.environ.get('MMREFSEG_MAX_PIXELS') and Image.MAX_IMAGE_PIXELS is not None:
        with _PILLOWS_LIMIT:
            Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, limit('MAX_PIXELS'))


def _bytes_of_pixel(image: Image.Image) -> float:
    if image.format == 'TIFF':
        return _tiff_depth(image.tag_v2)
    if image.format == 'PNG' and image.tile:  # 16 bits are the decoder's raw mode: 'RGB;16B'
        raw = image.tile[0][3]
        raw = raw[0] if isinstance(raw, tuple) else raw
        if isinstance(raw, str) and ';16' in raw:
            return 2 * _MODE_BYTES.get(image.mode, 4)
    return _MODE_BYTES.get(image.mode, 4)


def _tiff_depth(tags) -> float:
    bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (1, ))
    samples = tags.get(TiffImagePlugin.SAMPLESPERPIXEL, len(bits))
    return max(sum(bits), max(bits) * samples) / 8


def _read_tiff(file: BinaryIO):
    """Width, height and bytes of a pixel; None if it is no TIFF."""
    try:
        file.seek(0)
        prefix = file.read(8)
        if prefix[:4] not in (b'II*\0', b'MM\0*'):
            return None
        tags = TiffImagePlugin.ImageFileDirectory_v2(prefix)
        file.seek(struct.unpack(('<' if prefix[:2] == b'II' else '>') + 'L', prefix[4:])[0])
        tags.load(file)
        return tags[TiffImagePlugin.IMAGEWIDTH], tags[TiffImagePlugin.IMAGELENGTH], _tiff_depth(tags)
    except Exception:  # noqa: BLE001 - a broken TIFF is none
        return None
