"""From a COCO segmentation (polygons, RLE, or several RLEs) to a mask."""

from typing import Optional, Tuple, Union

import numpy as np
from pycocotools import mask as coco_mask

from mmrefseg.errors import RefDataError, shown

from ..budget import check_budget, check_pixels
from .rle import draw_runs, read_runs, resize_runs

# A polygon may leave its image a little. pycocotools' work grows with the length of the outline,
# so a wild coordinate would take all the memory there is.
MAX_OUTSIDE = 10
MIN_COORDINATES = 6
#: Polygons of people end at the edge of their image, or a little behind it.
FAR_OVER = 1.25


def decode_segmentation(segmentation: Union[list, dict], height: int, width: int,
                        size: Optional[Tuple[int, int]] = None, must_fill: bool = False,
                        scale_polygons: bool = False) -> np.ndarray:
    """Decode a segmentation; where its parts overlap, the mask is their union.

    Args:
        segmentation (list | dict): A list of polygons ``[x0, y0, x1, y1, …]`` in pixels, an RLE
            dict ``{size: [H, W], counts}`` with compressed (str, bytes) or plain (list of int)
            counts, or a list of RLE dicts. Polygons of less than three points enclose nothing and
            are left out.
        height (int): H, of the image.
        width (int): W, of the image.
        size (tuple[int, int], optional): h, w of the mask that is wanted, (H, W) by default. Only its pixels are drawn,
            and they are those that ``RefResize`` (nearest neighbour, as PIL has it) makes of the whole mask.
        must_fill (bool): Whether it must enclose a pixel of the image. Defaults to False.
        scale_polygons (bool): Whether polygons are scaled to ``size`` and drawn there, as ReLA's code does: another
            outline by up to a pixel. RLEs are resized either way. Defaults to False.

    Returns:
        np.ndarray: (H, W), or (h, w), uint8, 1 = object.

    Raises:
        RefDataError: The segmentation is empty, of an unknown kind, broken, or an RLE of another
            size than the image; image or outlines are beyond the budget (see :mod:`mmrefseg.datasets.budget`); with
            ``must_fill``, no pixel is enclosed.
    """
    check_pixels(height, width, 'a mask')
    parts = [segmentation] if isinstance(segmentation, dict) else segmentation
    if not isinstance(parts, (list, tuple)):
        raise RefDataError(
            'unknown segmentation kind: expected polygons, an RLE or a list of RLEs, found '
            f'{type(parts).__name__}')
    read = [part if isinstance(part, dict) else read_polygon(part) for part in parts]
    if must_fill and (share := _in_parts(read, height, width)):
        raise RefDataError(share)
    _check_outlines(read, height, width)
    scaled = scale_polygons and size is not None and not any(isinstance(part, dict) for part in read)
    if scaled:
        scale = np.array([size[1] / width, size[0] / height])
        read = [(part.reshape(-1, 2) * scale).reshape(-1) for part in read]
        height, width = size
    rles = [rle for part in read for rle in _to_rle(part, height, width)]
    if not rles:
        raise RefDataError(why_no_outline(read))
    runs = read_runs((rles[0] if len(rles) == 1 else coco_mask.merge(rles))['counts'])
    if must_fill and not scaled and not runs[1::2].any():  # what is scaled may vanish
        raise RefDataError(why_empty(read, height, width))
    if must_fill and not scaled and (reach := _in_thousandths(read, height, width)):
        raise RefDataError(reach)
    if size is None or tuple(size) == (height, width):
        return draw_runs(runs, height, width)
    return resize_runs(runs, height, width, *size)


def read_polygon(part: list) -> np.ndarray:
    """Check one polygon.

    Args:
        part (list[float]): ``[x0, y0, x1, y1, …]`` in pixels.

    Returns:
        np.ndarray: (2 * points,) float64.

    Raises:
        RefDataError: It is no list of numbers, or of an odd number of them.
    """
    try:
        points = np.asarray(part, dtype=np.float64)
    except (TypeError, ValueError):
        points = None
    if points is None or points.ndim != 1:
        raise RefDataError(
            'unknown segmentation kind: expected polygons [x0, y0, x1, y1, …] or RLEs, found a '
            f'list with {type(part).__name__} {shown(part)}')
    if len(points) % 2:
        raise RefDataError(f'a polygon has {len(points)} coordinates, an odd number')
    return points


def read_rle(rle: dict) -> dict:
    """Check the form of one RLE and compress it.

    Args:
        rle (dict): ``size`` [H, W] and ``counts`` (str or bytes: compressed; list of int: plain).

    Returns:
        dict: ``size`` [H, W] and ``counts`` (bytes).

    Raises:
        RefDataError: It has no size, no counts, or they are of another kind.
    """
    size, counts = rle.get('size'), rle.get('counts')
    if counts is not None and size is None:
        raise RefDataError('unknown segmentation kind: an RLE has counts without a size, expected size [H, W], too')
    if isinstance(counts, str) and counts[:2] in ("b'", 'b"'):
        raise RefDataError(f'an RLE has bytes printed as text for counts: {shown(counts)}; expected counts.decode()')
    try:
        height, width = (int(length) for length in size)
        if not (0 <= height < 2**31 and 0 <= width < 2**31):
            raise OverflowError('no size of an image')
        if isinstance(counts, str):
            counts = counts.encode('ascii')
        elif not isinstance(counts, bytes):
            plain = dict(size=[height, width], counts=list(counts))
            counts = coco_mask.frPyObjects(plain, height, width)['counts']
    except (TypeError, ValueError, OverflowError) as error:
        raise RefDataError(
            'unknown segmentation kind: an RLE has a size [H, W] and counts (str or list of '
            f'int), found size {shown(size)} and counts {shown(counts)}') from error
    return dict(size=[height, width], counts=counts)


def _to_rle(part: Union[np.ndarray, dict], height: int, width: int) -> list:
    """The RLEs (none or one) of one polygon or RLE, safe to decode."""
    if isinstance(part, dict):
        return [_check_rle(read_rle(part), height, width)]
    return coco_mask.frPyObjects([part], height, width) if len(part) >= MIN_COORDINATES else []


def _check_rle(rle: dict, height: int, width: int) -> dict:
    """An RLE of another size, or whose runs are not those of a mask, is refused."""
    if rle['size'] != [height, width]:
        raise RefDataError(
            'the mask is of another size than its picture: {}x{} where {}x{} (height x width) '
            'was expected'.format(*rle['size'], height, width))
    runs = read_runs(rle['counts'])
    length, shortest = int(runs.sum()), int(runs.min(initial=0))
    if length != height * width or shortest < 0:
        raise RefDataError(
            f'the RLE is broken: its counts add up to {length} pixels where {height}x{width} = '
            f'{height * width} were expected')
    return rle


def why_no_outline(parts: list) -> str:
    """Say what a segmentation is that has no polygon of three points and no RLE.

    Args:
        parts (list): Its polygons.

    Returns:
        str: The reason.
    """
    if len(parts) == 1 and len(parts[0]) == 4:
        numbers = shown([float(number) for number in parts[0]])
        return f'its segmentation looks like a box, {numbers}: expected polygons or an RLE'
    return 'its segmentation is empty: it has no polygon of three points, no RLE'


def why_empty(segmentation: Union[list, dict], height: int, width: int) -> str:
    """Say why a segmentation encloses no pixel of its image.

    Args:
        segmentation (list | dict): As of :func:`decode_segmentation`.
        height (int): H, of the image.
        width (int): W, of the image.

    Returns:
        str: The reason, with what the coordinates look like.
    """
    parts = [segmentation] if isinstance(segmentation, dict) else segmentation
    found = f'its mask encloses no pixel of its {height}x{width} (height x width) picture'
    if any(isinstance(part, dict) for part in parts):
        return f'{found}: its run lengths count none'
    polygons = [read_polygon(part) for part in parts]
    if share := _in_parts(polygons, height, width):
        return share
    points = np.concatenate(polygons)
    x, y = points[0::2], points[1::2]
    if x.min() >= width or y.min() >= height or x.max() <= 0 or y.max() <= 0:
        scale = ' (coordinates from 0 to 1000, as some models give them, are to be scaled to the picture)' \
            if points.max() <= 1000 and points.min() >= 0 else ''
        return f'{found}: it lies outside, x from {x.min():g} to {x.max():g}, y from {y.min():g} to {y.max():g}{scale}'
    return f'{found}: its polygons have no area, x from {x.min():g} to {x.max():g}, y from {y.min():g} to {y.max():g}'


def _in_parts(parts: list, height: int, width: int) -> str:
    """Say of polygons that their coordinates are parts of width and height; '' of others."""
    if min(height, width) <= 2 or not parts:
        return ''
    if any(isinstance(part, dict) or not len(part) or part.min() < 0 or part.max() > 1 for part in parts):
        return ''
    return ('its polygons have coordinates from 0 to 1 alone, as parts of width and height have: expected pixels '
            f'(of a {height}x{width} picture, height x width)')


def _in_thousandths(parts: list, height: int, width: int) -> str:
    """Say of polygons that reach far over their image that their coordinates may be from 0 to 1000; '' of others."""
    if not parts or any(isinstance(part, dict) for part in parts):
        return ''
    points = np.concatenate(parts)
    if not len(points) or points.min() < 0 or points.max() > 1000:
        return ''
    x, y = points[0::2].max(), points[1::2].max()
    if x <= FAR_OVER * width and y <= FAR_OVER * height:
        return ''
    return (f'its polygons reach to x = {x:g} and y = {y:g} in a {height}x{width} picture (height x width): '
            'coordinates from 0 to 1000, as some models give them, are to be scaled to the picture')


def _check_outlines(parts: list, height: int, width: int) -> None:
    """Refuse outlines that are so long, or so far outside, that drawing them takes too much memory."""
    length, limit = 0., MAX_OUTSIDE * max(height, width)
    for points in parts:
        if isinstance(points, dict) or len(points) < MIN_COORDINATES:
            continue
        if not np.abs(points).max() <= limit:  # written so that NaN fails too
            raise RefDataError(
                f'a polygon has coordinates far outside of its {height}x{width} (height x width) '
                f'picture: {points.min()} to {points.max()}')
        x, y = points[0::2], points[1::2]
        steps = np.maximum(np.abs(x[1:] - x[:-1]), np.abs(y[1:] - y[:-1])).sum()
        length += steps + max(abs(x[0] - x[-1]), abs(y[0] - y[-1]))  # and back to where it began
    check_budget('MAX_OUTLINE', length, 'a segmentation')
