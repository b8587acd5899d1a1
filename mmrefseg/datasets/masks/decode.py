"""From a COCO segmentation (polygons, RLE, or several RLEs) to a mask."""

from typing import Optional, Tuple, Union

import numpy as np
from pycocotools import mask as coco_mask

from mmrefseg.errors import RefDataError

from .rle import draw_runs, read_runs, resize_runs

# A polygon may leave its picture a little. pycocotools' work grows with the length of the outline,
# so a wild coordinate would take all the memory there is.
MAX_OUTSIDE = 10
MIN_COORDINATES = 6


def decode_segmentation(segmentation: Union[list, dict], height: int, width: int,
                        size: Optional[Tuple[int, int]] = None) -> np.ndarray:
    """Decode a segmentation; where its parts overlap, the mask is their union.

    Args:
        segmentation (list | dict): A list of polygons ``[x0, y0, x1, y1, …]`` in pixels, an RLE
            dict ``{size: [H, W], counts}`` with compressed (str, bytes) or plain (list of int)
            counts, or a list of RLE dicts. Polygons of less than three points enclose nothing and
            are left out.
        height (int): H, of the picture.
        width (int): W, of the picture.
        size (tuple[int, int], optional): h, w of the mask that is wanted, (H, W) by default. Only its pixels are drawn,
            and they are those that ``RefResize`` (nearest neighbour, as PIL has it) makes of the whole mask.

    Returns:
        np.ndarray: (H, W), or (h, w), uint8, 1 = object.

    Raises:
        RefDataError: The segmentation is empty, of an unknown kind, broken, or an RLE of another
            size than the picture.
    """
    parts = [segmentation] if isinstance(segmentation, dict) else segmentation
    if not isinstance(parts, (list, tuple)):
        raise RefDataError(
            'unknown segmentation kind: expected polygons, an RLE or a list of RLEs, found '
            f'{type(parts).__name__}')
    rles = [rle for part in parts for rle in _to_rle(part, height, width)]
    if not rles:
        raise RefDataError('the segmentation is empty: it has no polygon of three points, no RLE')
    runs = read_runs((rles[0] if len(rles) == 1 else coco_mask.merge(rles))['counts'])
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
            f'list with {type(part).__name__} {str(part)[:60]}')
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
    try:
        height, width = (int(length) for length in size)
        if isinstance(counts, str):
            counts = counts.encode('ascii')
        elif not isinstance(counts, bytes):
            plain = dict(size=[height, width], counts=list(counts))
            counts = coco_mask.frPyObjects(plain, height, width)['counts']
    except (TypeError, ValueError, OverflowError) as error:
        raise RefDataError(
            'unknown segmentation kind: an RLE has a size [H, W] and counts (str or list of '
            f'int), found size {str(size)[:40]} and counts {str(counts)[:40]}') from error
    return dict(size=[height, width], counts=counts)


def _to_rle(part: Union[list, dict], height: int, width: int) -> list:
    """The RLEs (none or one) of one polygon or RLE, safe to decode."""
    if isinstance(part, dict):
        return [_check_rle(read_rle(part), height, width)]
    points = read_polygon(part)
    if len(points) < MIN_COORDINATES:
        return []
    limit = MAX_OUTSIDE * max(height, width)
    if not np.abs(points).max() <= limit:  # written so that NaN fails too
        raise RefDataError(
            f'a polygon has coordinates far outside of its {height}x{width} (height x width) '
            f'picture: {points.min()} to {points.max()}')
    return coco_mask.frPyObjects([points], height, width)


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

