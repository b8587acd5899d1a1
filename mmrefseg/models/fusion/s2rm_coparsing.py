"""S2RM, step 2: image and language parse each other (Eqs. 5 to 8)."""

from typing import Sequence, Tuple

import torch
from mmengine.model import BaseModule
from torch import Tensor

from ..utils import at_least_float32, without_autocast

DIRECTIONS = ('l2v', 'v2l')


class S2RMCoparsing(BaseModule):
    """Spatial semantic recurrent coparsing (S2RM §III.B.2): every cell meets every cell, in an order of its own.

    The paper shifts the rows of T^dist by 0 … H-1 steps, lays the H copies side by side and correlates row i of V_4
    with row i of the copies (Eqs. 5, 6); likewise for columns (Eqs. 7, 8), and once more with V_4 and T^dist
    exchanged. Spelled out, with ``<,>`` the inner product over channels::

        C^l2v[i, j, (h, w)] = <V_4[i, j], T^dist[(i - h) mod H, w]>      channel h W + w
        R^l2v[i, j, (w, h)] = <V_4[i, j], T^dist[h, (j - w) mod W]>      channel w H + h
        C^v2l, R^v2l: the same with V_4 and T^dist exchanged

    All of them are entries of one HW x HW product of V_4 and T^dist, or of its transpose. So the product is made
    once and its entries are gathered; no copy is shifted. In Eq. 8, Perm_1 and Perm_2 have to trade places for the
    shapes to fit; R is read as the counterpart of C for columns.

    Args:
        feature_size (Tuple[int, int]): (H, W) of both maps.
        directions (Sequence[str]): 'l2v' gives the language-attended C^l2v and R^l2v, 'v2l' the vision-attended
            C^v2l and R^v2l. Table IV leaves out one of them. Defaults to both.
        shift (bool): With all shifts. Without (Table IV, "-Shift") only the unshifted copy is there: a cell meets
            its own row in C (W channels) and its own column in R (H channels). Defaults to True.

    Attributes:
        out_channels (Tuple[int, ...]): Channels of each map that comes out.

    Raises:
        ValueError: ``directions`` is empty, or has another name or one twice.
    """

    def __init__(self,
                 feature_size: Tuple[int, int],
                 directions: Sequence[str] = DIRECTIONS,
                 shift: bool = True) -> None:
        super().__init__()
        directions = tuple(directions)
        if not directions or len(set(directions)) < len(directions) or not set(directions) <= set(DIRECTIONS):
            raise ValueError(f"fusion.directions is {list(directions)}, expected 'l2v', 'v2l' or both")
        self.feature_size = tuple(feature_size)
        self.directions = directions
        for name, cells in zip(('row_cells', 'column_cells'), shifted_cells(*self.feature_size, shift)):
            self.register_buffer(name, cells, persistent=False)
        self.out_channels = (len(self.row_cells), len(self.column_cells)) * len(directions)

    def forward(self, image_map: Tensor, language_map: Tensor) -> Tuple[Tensor, ...]:
        """Parse.

        Args:
            image_map (Tensor): V_4, (N, C, H, W).
            language_map (Tensor): T^dist, (N, C, H, W).

        Returns:
            Tuple[Tensor, ...]: (C^l2v, R^l2v, C^v2l, R^v2l), as far as ``directions`` has them, each (N, K, H, W)
            with K of ``out_channels``.

        Raises:
            ValueError: The maps are not of ``feature_size``.
        """
        if tuple(image_map.shape[2:]) != self.feature_size:
            raise ValueError(f'fusion.feature_size is {self.feature_size}, but the last level has the size '
                             f'{tuple(image_map.shape[2:])}: S2RM works at one input size; change fusion.feature_size '
                             'with it, and train')
        # (N, C, H, W) -> (N, T cells, V cells): the inner product of every pair, of which differences matter
        with without_autocast(image_map):
            language, image = (at_least_float32(one.flatten(2)) for one in (language_map, image_map))
            products = language.transpose(1, 2) @ image
        # (N, generator cells, parsed cells): the parsed context keeps its place, the generator's cells are gathered
        products = dict(l2v=products, v2l=products.transpose(1, 2))
        return tuple(
            products[direction].gather(1, cells.expand(image_map.shape[0], -1, -1)).unflatten(2, self.feature_size)
            for direction in DIRECTIONS if direction in self.directions
            for cells in (self.row_cells, self.column_cells))


def shifted_cells(height: int, width: int, shift: bool = True) -> Tuple[Tensor, Tensor]:
    """Index of the generator's cell that each cell of the parsed context meets, a channel.

    Args:
        height (int): H.
        width (int): W.
        shift (bool): Whether all shifts are there, or only the unshifted copy.

    Returns:
        Tuple[Tensor, Tensor]: Of C, (HW or W, HW), and of R, (HW or H, HW); cells count row by row.
    """
    rows = torch.arange(height)
    columns = torch.arange(width)
    row_steps = rows if shift else rows[:1]
    column_steps = columns if shift else columns[:1]
    # (h, w, i, j) -> cell ((i - h) mod H, w)
    met_rows = (rows[None, None, :, None] - row_steps[:, None, None, None]) % height
    by_rows = met_rows * width + columns[None, :, None, None]
    # (w, h, i, j) -> cell (h, (j - w) mod W)
    met_columns = (columns[None, None, None, :] - column_steps[:, None, None, None]) % width
    by_columns = rows[None, :, None, None] * width + met_columns
    cells = (by_rows.expand(-1, -1, -1, width), by_columns.expand(-1, -1, height, -1))
    return tuple(index.flatten(2).flatten(0, 1) for index in cells)
