"""Layout of Swin's attention windows: the pixels that share one, without the padding."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Dict, List, Optional, Tuple

import torch
from torch import Tensor

# What mmseg adds to the score of two pixels in one window that are no neighbours in the image.
APART = -100.


@dataclass(frozen=True, eq=False)
class WindowGroup:
    """Windows that are alike: of the same size, with padding and seams in the same places.

    Attributes:
        num_pixels (int): n, real pixels of a window.
        num_rows (int): Real pixels of all windows of the group, in all images.
        offsets (Tensor): (n * M²,) int64, rows of the bias table: for each real pixel as the query, its offset to
            the M² positions of the window as keys, the n real ones first, then the padding.
        seams (Tensor, optional): (n, M²), -100 between positions that only the cyclic shift has brought together,
            0 elsewhere. None: there are none.
    """

    num_pixels: int
    num_rows: int
    offsets: Tensor
    seams: Optional[Tensor]


@dataclass(frozen=True, eq=False)
class WindowLayout:
    """The pixels of B maps, window by window and group by group.

    Attributes:
        order (Tensor): (B * H * W,) int64, where each pixel of the windows lies in the maps.
        inverse (Tensor): (B * H * W,) int64, where each pixel of the maps lies in the windows.
        groups (Tuple[WindowGroup]): In the order of the pixels.
    """

    order: Tensor
    inverse: Tensor
    groups: Tuple[WindowGroup, ...]


# One side of a window: its M positions as (region, is real), and the places of the real ones in the map.
Side = Tuple[Tuple[Tuple[int, bool], ...], List[int]]


def window_layout(images: int, height: int, width: int, window: int, shift: int,
                  device: torch.device) -> WindowLayout:
    """The windows of mmseg's ``ShiftWindowMSA``, built once for each set of arguments.

    Under torch.compile the windows of one map are constants of the graph, the number of maps is not: in LAVT it is
    that of the expressions.

    Args:
        images (int): B.
        height (int): H of the maps.
        width (int): W of the maps.
        window (int): M, positions along a side of a window.
        shift (int): How far the map is rolled to the top left before it is cut into windows.
        device (torch.device): Where the tensors go.

    Returns:
        WindowLayout: Shared by all who ask for it: not to be changed.
    """
    if torch.compiler.is_compiling():
        return _of_images(_constant_layout(height, width, window, shift, device), images)
    return _cached_layout(images, height, width, window, shift, device)


@lru_cache(maxsize=256)
def _cached_layout(images: int, *arguments) -> WindowLayout:
    with torch.inference_mode(False):  # what is made within it could not serve a training afterwards
        return _of_images(_map_layout(*arguments), images)


@torch._dynamo.assume_constant_result
def _constant_layout(*arguments) -> WindowLayout:
    return _map_layout(*arguments)


@lru_cache(maxsize=256)
def _map_layout(height: int, width: int, window: int, shift: int, device: torch.device) -> WindowLayout:
    """The windows of one map."""
    columns = _alike(_cut(width, window, shift))
    order, groups = [], []
    for row_kind, row_windows in _alike(_cut(height, window, shift)).items():
        for column_kind, column_windows in columns.items():
            # (row windows, m) and (column windows, m') -> (row windows, column windows, m, m')
            rows, cols = torch.tensor(row_windows), torch.tensor(column_windows)
            pixels = rows[:, None, :, None] * width + cols[None, :, None, :]
            order.append(pixels.flatten())
            offsets, seams = _pairs(row_kind, column_kind, window)
            groups.append(WindowGroup(
                num_pixels=len(offsets),
                num_rows=pixels.numel(),
                offsets=offsets.flatten().to(device),
                seams=seams.to(device) if seams.any() else None))
    order = torch.cat(order)
    return WindowLayout(order.to(device), order.argsort().to(device), tuple(groups))


def _of_images(layout: WindowLayout, images: int) -> WindowLayout:
    """The windows of one map -> those of B maps, all images' windows of a group side by side."""
    first = torch.arange(images, device=layout.order.device)[:, None] * len(layout.order)
    parts = layout.order.split([group.num_rows for group in layout.groups])
    order = torch.cat([(first + part).flatten() for part in parts])
    inverse = torch.empty_like(order).scatter_(0, order, torch.arange(order.shape[0], device=order.device))
    groups = tuple(WindowGroup(group.num_pixels, images * group.num_rows, group.offsets, group.seams)
                   for group in layout.groups)
    return WindowLayout(order, inverse, groups)


def _cut(size: int, window: int, shift: int) -> List[Side]:
    """One side of a map, padded at its end to a multiple of M, rolled and cut into windows."""
    padded = -(-size // window) * window
    sides = []
    for start in range(0, padded, window):
        positions = range(start, start + window)
        places = [(position + shift) % padded for position in positions]
        # The shift cuts the last window in two: its regions 1 and 2 lie at opposite edges of the map.
        regions = [0 if not shift or position < padded - window else 1 + (position >= padded - shift)
                   for position in positions]
        sides.append((tuple((region, place < size) for region, place in zip(regions, places)),
                      [place for place in places if place < size]))
    return sides


def _alike(sides: List[Side]) -> Dict[tuple, List[List[int]]]:
    """Windows' places by the kind of the window: what is real in it, and what lies together."""
    kinds = {}
    for kind, places in sides:
        kinds.setdefault(kind, []).append(places)
    return kinds


def _pairs(row_kind: tuple, column_kind: tuple, window: int) -> Tuple[Tensor, Tensor]:
    """Rows of the bias table and seams of a window, each (n, M²): real queries, real keys before padding."""
    row_region, row_real = torch.tensor(row_kind).unbind(1)
    column_region, column_real = torch.tensor(column_kind).unbind(1)
    position = torch.arange(window)
    row, column = (x.flatten() for x in torch.meshgrid(position, position, indexing='ij'))
    region = (row_region[:, None] * 3 + column_region).flatten()
    real = (row_real[:, None] * column_real).flatten()
    keys = torch.cat([real.nonzero().flatten(), (real == 0).nonzero().flatten()])
    queries = keys[:int(real.sum()), None]
    offsets = ((row[queries] - row[keys] + window - 1) * (2 * window - 1) + column[queries] - column[keys]
               + window - 1)
    return offsets, (region[queries] != region[keys]) * APART
