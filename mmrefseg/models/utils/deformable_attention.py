"""Attention to a few pixels of several maps (Deformable DETR, ICLR 2021, §4.1, Eq. 3)."""

import math
from typing import Sequence, Tuple

import torch
import torch.nn.functional as F
from mmcv.ops import multi_scale_deform_attn as mmcv_operator
from torch import Tensor, nn

from mmrefseg.compat import MissingOps
from mmrefseg.structures import device_index

from .precision import at_least_float32, without_autocast

Sizes = Sequence[Tuple[int, int]]


class DeformableAttention(nn.Module):
    """Every pixel of L maps gathers K points of each map, where it says itself, in M heads.

    With q = x + position of a pixel at the place p (both axes from 0 to 1)::

        x' = W_out sum_{l,k} A_lk(q) (W_value x)_l(p + offset_lk(q) / size_l)

    for each head, where A is a softmax over the L K points together and a map is read between its pixels bilinearly,
    0 outside. Only the sum is returned: identity, dropout and norm are the caller's.

    Values are read by plain PyTorch operators; on a GPU with the full mmcv by its compiled operator. Places, weights
    and the reading are single precision under autocast too: in half precision a place far from the corner would be
    off by a part of a pixel.

    Args:
        channels (int): C.
        num_levels (int): L.
        num_heads (int): M. Defaults to 8.
        num_points (int): K of each head and level. Defaults to 4.

    Raises:
        ValueError: ``channels`` is no multiple of ``num_heads``.
    """

    def __init__(self, channels: int, num_levels: int, num_heads: int = 8, num_points: int = 4) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(f'DeformableAttention: channels {channels} is no multiple of num_heads {num_heads}')
        self.num_levels, self.num_heads, self.num_points = num_levels, num_heads, num_points
        self.sampling_offsets = nn.Linear(channels, 2 * num_heads * num_levels * num_points)
        self.attention_weights = nn.Linear(channels, num_heads * num_levels * num_points)
        self.value_proj = nn.Linear(channels, channels)
        self.output_proj = nn.Linear(channels, channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as published: each head looks in a direction of its own, its k-th point k pixels away, all alike."""
        nn.init.zeros_(self.sampling_offsets.weight)
        angles = torch.arange(self.num_heads) * (2 * math.pi / self.num_heads)
        directions = torch.stack([angles.cos(), angles.sin()], dim=1)
        directions = directions / directions.abs().amax(dim=1, keepdim=True)
        steps = torch.arange(1, self.num_points + 1)
        # (M, 1, 1, 2) * (K, 1) -> (M, L, K, 2)
        offsets = (directions[:, None, None] * steps[:, None]).expand(-1, self.num_levels, -1, -1)
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(offsets.flatten())
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        for layer in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, pixels: Tensor, positions: Tensor, places: Tensor, sizes: Sizes) -> Tensor:
        """Attend.

        Args:
            pixels (Tensor): x, (N, S, C): the S = sum H_l W_l pixels of all maps, one map after the other.
            positions (Tensor): (N or 1, S, C), added to x where it asks, not where it is read.
            places (Tensor): p, (S, 2), x and y of each pixel, from 0 to 1.
            sizes (Sequence[tuple[int, int]]): (H_l, W_l) of the L maps.

        Returns:
            Tensor: (N, S, C).

        Raises:
            ValueError: The maps are not ``num_levels``, or S is not the number of their pixels.
        """
        if len(sizes) != self.num_levels or sum(height * width for height, width in sizes) != pixels.shape[1]:
            raise ValueError(f'DeformableAttention: maps of {list(sizes)} and {pixels.shape[1]} pixels, expected '
                             f'{self.num_levels} maps and all of their pixels')
        values = self.value_proj(pixels).unflatten(2, (self.num_heads, -1))
        points = (self.num_heads, self.num_levels, self.num_points)
        with without_autocast(pixels):
            query = at_least_float32(pixels) + at_least_float32(positions)
            offsets = _single(self.sampling_offsets, query).unflatten(2, (*points, 2))  # in pixels of the map
            weights = _single(self.attention_weights, query).unflatten(2, (self.num_heads, -1))
            weights = weights.softmax(dim=3).unflatten(3, points[1:])
            extents = device_index([(width, height) for height, width in sizes], query.device)
            where = places.to(query)[:, None, None, None] + offsets / extents[:, None]
            gathered = read_values(at_least_float32(values), sizes, where, weights)
        return self.output_proj(gathered.to(values.dtype))


def _single(layer: nn.Linear, rows: Tensor) -> Tensor:
    """A linear layer in single precision, even if its weights are kept in half."""
    return F.linear(rows, at_least_float32(layer.weight), at_least_float32(layer.bias))


def read_values(values: Tensor, sizes: Sizes, where: Tensor, weights: Tensor) -> Tensor:
    """The weighted values at places of L maps.

    Args:
        values (Tensor): (N, S, M, C / M), the pixels of all maps.
        sizes (Sequence[tuple[int, int]]): (H_l, W_l) of the maps.
        where (Tensor): (N, Q, M, L, K, 2), x and y from 0 to 1.
        weights (Tensor): (N, Q, M, L, K).

    Returns:
        Tensor: (N, Q, C).
    """
    if values.is_cuda and has_compiled_operator() and not torch.compiler.is_compiling():
        shapes = device_index([tuple(size) for size in sizes], values.device)
        ends = shapes.prod(1).cumsum(0)
        starts = torch.cat([ends.new_zeros(1), ends[:-1]])
        # Its step, the rows of a kernel call, has to divide the rows.
        return mmcv_operator.MultiScaleDeformableAttnFunction.apply(
            values.contiguous(), shapes, starts, where.contiguous(), weights.contiguous(), values.shape[0])
    return _read_by_grid_sample(values, sizes, where, weights)


def _read_by_grid_sample(values: Tensor, sizes: Sizes, where: Tensor, weights: Tensor) -> Tensor:
    """:func:`read_values` as mmcv's and transformers' plain forms, but for the sum: here it is taken level by level.

    Theirs keep the values read from all levels side by side, and again times the weights, which is the most memory
    that the attention takes.
    """
    rows, _, heads, width = values.shape
    grids = (2 * where - 1).transpose(1, 2).flatten(0, 1)  # (N, Q, M, L, K, 2) -> (NM, Q, L, K, 2), from -1 to 1
    weights = weights.transpose(1, 2).flatten(0, 1)  # (NM, Q, L, K)
    gathered = 0
    for level, (own, size) in enumerate(zip(values.split([height * width for height, width in sizes], dim=1), sizes)):
        # (N, HW, M, C / M) -> (NM, C / M, H, W)
        maps = own.permute(0, 2, 3, 1).flatten(0, 1).unflatten(2, tuple(size))
        read = F.grid_sample(maps, grids[:, :, level], mode='bilinear', padding_mode='zeros', align_corners=False)
        gathered = gathered + (read * weights[:, None, :, level]).sum(dim=3)  # (NM, C / M, Q)
    return gathered.reshape(rows, heads * width, -1).transpose(1, 2)


def has_compiled_operator() -> bool:
    """bool: Whether mmcv is the full one, with compiled operators, and not mmcv-lite."""
    return not isinstance(mmcv_operator.ext_module, MissingOps)
