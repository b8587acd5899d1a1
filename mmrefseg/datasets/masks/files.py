"""Reads masks from image files: what counts as the object, and what is refused since it may mean two things."""

from collections.abc import Sequence
from typing import Optional, Tuple, Union

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from mmrefseg.errors import RefDataError

from ..image_header import read_header

Foreground = Union[None, int, Sequence]
#: Formats that keep every value. (A WebP may, and is asked.)
LOSSLESS = ('PNG', 'TIFF', 'BMP', 'DIB', 'GIF', 'PPM', 'TGA', 'PCX', 'SGI', 'SUN', 'XBM', 'MSP', 'IM')
# How a TIFF may be compressed and lose something, as Pillow calls it, or by its number.
_LOSSY_TIFF = ('jpeg', 'tiff_jpeg', 'webp', 'tiff_webp', 34712, 33003, 33005, 34892, 50001)
_COMPRESSION = 259
_QUESTION = 'say which values are the object (foreground=…), or make a mask of 0 and one more value'


def read_mask_file(path: str, foreground: Foreground = None, expected: Optional[Tuple[int, int]] = None,
                   ignore: Foreground = None) -> np.ndarray:
    """Read a mask from a PNG, TIFF or whatever else loses nothing.

    Without ``foreground`` the object is all that is not 0, or not black, of a file that holds 0 and one more value (or
    colour). Of a palette the indices count, whose 0 must be black; of black and white alone it is white that is the
    object, in whatever order they stand. A file with transparency must tell the same object by its colours.

    Args:
        path (str): The file. EXIF's orientation is ignored, but for TIFF's.
        foreground (int | Sequence[int], optional): The values of the object; of a palette, the indices. Default: see
            above.
        expected (tuple[int, int], optional): H, W of the image it belongs to: the header must agree.
        ignore (int | Sequence[int], optional): The values of pixels that count neither as object nor as background; of
            a palette, the indices. Default: none.

    Returns:
        np.ndarray: (H, W) bool; with ``ignore`` (H, W) uint8, 1 = object, 255 = ignored.

    Raises:
        RefDataError: The file is missing, broken, beyond the budget, of another size, or of a form that blurs its
            values (JPEG, lossy WebP, …); it has several values and no ``foreground``, no numbers (NaN), colours where
            ``foreground`` needs values, or transparency that tells another object.
    """
    try:
        header = read_header(path, f'its mask {path}')
        if expected is not None and not header.fits(expected):
            raise RefDataError(f'its mask {path} is {header.height}x{header.width} where its picture is '
                               f'{expected[0]}x{expected[1]} (height x width)')
        # PIL maps a file that it is given by name, and does so wrongly where a TIFF is to be turned.
        with open(path, 'rb') as file, Image.open(file) as image:
            _check_lossless(image, file, path)
            image.load()  # numpy is told the size before a TIFF is turned by a Pillow of before 11
            if image.mode in ('P', 'PA') and foreground is None and ignore is None:
                return _of_palette(image, path)
            if image.mode == 'PA':
                image = image.convert('P')
            values = np.asarray(image)
            bands = image.getbands()
    except FileNotFoundError as error:
        raise RefDataError(f'its mask {path} is missing') from error
    except RefDataError:
        raise
    except Exception as error:  # each of PIL's readers raises its own
        raise RefDataError(f'its mask {path} cannot be read: {error}') from error
    if values.dtype.kind == 'f' and not np.isfinite(values).all():
        raise RefDataError(f'its mask {path} holds NaN or infinite values, expected 0 and the values of the object')
    if ignore is None:
        return _object_of(values, bands, foreground, path)
    return _with_ignored(values, bands, foreground, ignore, path)


def _check_lossless(image: Image.Image, file, path: str) -> None:
    kind = image.format
    if kind == 'WEBP':
        file.seek(0)
        lossless = b'VP8L' in file.read(4096)  # the chunk may come behind a header and a colour profile
        file.seek(0)
        if lossless:
            return
    elif kind in LOSSLESS:
        found = image.info.get('compression') if kind == 'TIFF' else None
        number = image.tag_v2.get(_COMPRESSION) if kind == 'TIFF' else None
        if found not in _LOSSY_TIFF and number not in (6, 7, *_LOSSY_TIFF):
            return
        kind = f'TIFF compressed by {found}'
    raise RefDataError(f'its mask {path} is a {kind}, which blurs the values: expected PNG or TIFF')


def _object_of(values: np.ndarray, bands: Sequence, foreground: Foreground, path: str) -> np.ndarray:
    """The object of gray values or colours (H, W) or (H, W, channels)."""
    alpha = None
    if values.ndim == 3:
        if 'A' in bands:
            alpha = values[..., bands.index('A')]
        values = values[..., [band != 'A' for band in bands]]
        if values.shape[-1] > 1 and not (values != values[..., :1]).any():
            values = values[..., :1]
        values = values[..., 0] if values.shape[-1] == 1 else values
    if foreground is not None:
        if values.ndim == 3:
            raise RefDataError(f'its mask {path} is coloured, and foreground={foreground} means values of one channel')
        return np.isin(values, foreground)
    found = values != 0 if values.ndim == 2 else values.any(axis=2)
    if alpha is not None and alpha.min() != alpha.max() and not np.array_equal(found, alpha != 0):
        raise RefDataError(f'its mask {path} is a cut-out: its transparency tells another object than its colours do, '
                           'expected a mask of black and white')
    _check_one_value(values, found, path)
    return found


def _with_ignored(values: np.ndarray, bands: Sequence, foreground: Foreground, ignore: Foreground,
                  path: str) -> np.ndarray:
    """(H, W) uint8, 1 = object, 255 = ignored."""
    if values.ndim == 3:
        values = values[..., [band != 'A' for band in bands]]
        if (values != values[..., :1]).any():
            raise RefDataError(f'its mask {path} is coloured, and ignore={ignore} means values of one channel')
        values = values[..., 0]
    ignored = np.isin(values, ignore)
    found = _object_of(np.where(ignored, np.zeros((), values.dtype), values), (), foreground, path)
    return np.where(ignored, np.uint8(255), found.astype(np.uint8))


def _check_one_value(values: np.ndarray, found: np.ndarray, path: str) -> None:
    """Refuse a mask whose object has several values: which are it?"""
    if not found.any():
        return
    first = values[np.unravel_index(found.argmax(), found.shape)]
    other = values != first if values.ndim == 2 else (values != first).any(axis=2)
    other &= found
    if other.any():
        second = values[np.unravel_index(other.argmax(), other.shape)]
        raise RefDataError(f'its mask {path} has more values than 0 and one more: {first.tolist()}, '
                           f'{second.tolist()}, …; {_QUESTION}')


def _of_palette(image: Image.Image, path: str) -> np.ndarray:
    """The object of an image with a palette."""
    opaque = 'transparency' not in image.info and image.mode == 'P'
    values = np.asarray(image.convert('P') if image.mode == 'PA' else image)
    counts = np.zeros(256, np.int64)
    for row in values:  # a row at a time: counting makes large integers of what it is given
        counts += np.bincount(row, minlength=256)
    used = np.flatnonzero(counts)
    colours = np.asarray(image.getpalette('RGB') or [], np.uint8).reshape(-1, 3)
    colour = {int(index): tuple(colours[index].tolist()) if index < len(colours) else None for index in {0, *used}}
    if not opaque:
        rgba = np.asarray(image.convert('RGBA'))
        return _object_of(rgba, 'RGBA', None, path)
    if colour[0] == (0, 0, 0):  # as VOC and DAVIS have it; other indices may be black, too
        found = values != 0
        _check_one_value(values, found, path)
        return found
    by_colour = {index: sum(rgb) for index, rgb in colour.items() if rgb is not None and index in used}
    black = [index for index, light in by_colour.items() if light == 0]
    if len(used) == 2 and len(black) == 1:  # in another order than usual: Pillow's quantize, pngquant
        return values != black[0]
    raise RefDataError(f'its mask {path} has a palette whose index 0 is {colour[0]} and not black, so that it is not '
                       f'plain what is background; {_QUESTION}')


def encode_mask(mask: np.ndarray) -> dict:
    """Encode a mask as an RLE.

    Args:
        mask (np.ndarray): (H, W) bool or uint8.

    Returns:
        dict: ``size`` [H, W] and ``counts`` (str), as JSON has it.
    """
    rle = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return dict(size=list(rle['size']), counts=rle['counts'].decode('ascii'))
