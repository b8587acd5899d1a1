"""Swin's attention within (shifted) windows, over the pixels that exist."""

from typing import List, Tuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.models.backbones.swin import ShiftWindowMSA
from torch import Tensor

from .window_layout import WindowGroup, WindowLayout, window_layout


class WindowAttention(BaseModule):
    """Computes what mmseg's ``ShiftWindowMSA`` computes, whose weights it takes over under the same names.

    mmseg pads a map with zeros to whole windows; the padding's keys and values are the biases of the projection,
    and every query of its window attends to them. All have the same key k_0 and value v_0, so the padding P of a
    window is one key for all: ``sum_j exp(q k_0 + b_ij) = exp(q k_0 + log sum_j exp(b_ij))`` over j in P, where b is
    the position bias. Nothing is projected or attended to for a pixel that does not exist.

    Pixels are brought window by window and back by one gather each. Windows of one kind (see
    :class:`WindowLayout`) are one call of ``scaled_dot_product_attention``, their bias being the same; only the last
    windows of a row or column are of another kind. Without gradients the biases are kept until the weights, the
    size of the maps, the precision or the mode (``train()``, ``eval()``) change.

    Args:
        attention (ShiftWindowMSA): mmseg's.
    """

    def __init__(self, attention: ShiftWindowMSA) -> None:
        super().__init__()
        self.window_size = attention.window_size
        self.shift_size = attention.shift_size
        self.w_msa = attention.w_msa
        self.drop = attention.drop
        self._kept = None

    def forward(self, tokens: Tensor, size: Tuple[int, int]) -> Tensor:
        """Attend.

        Args:
            tokens (Tensor): (B, H * W, C).
            size (Tuple[int, int]): (H, W).

        Returns:
            Tensor: (B, H * W, C).
        """
        layout = window_layout(tokens.shape[0], *size, self.window_size, self.shift_size, tokens.device)
        rows = _Reorder.apply(tokens.flatten(0, 1), layout.order, layout.inverse)
        projected = self.w_msa.qkv(rows)  # (B * H * W, 3 C)
        parts = projected.split([group.num_rows for group in layout.groups])
        biases = self._position_biases(layout, projected.dtype)
        attended = [self._attend(part, group, bias) for part, group, bias in zip(parts, layout.groups, biases)]
        attended = torch.cat(attended) if len(attended) > 1 else attended[0]
        attended = _Reorder.apply(attended, layout.inverse, layout.order).view_as(tokens)
        return self.drop(self.w_msa.proj_drop(self.w_msa.proj(attended)))

    def train(self, mode: bool = True) -> 'WindowAttention':
        """As torch's; forgets the biases that were kept."""
        self._kept = None
        return super().train(mode)

    def _attend(self, projected: Tensor, group: WindowGroup, bias: Tensor) -> Tensor:
        """A group's K windows of n pixels: (K * n, 3 C) -> (K * n, C)."""
        heads, pixels = self.w_msa.num_heads, group.num_pixels
        projected = projected.unflatten(0, (-1, pixels))
        if bias.shape[2] > pixels:
            # The padding's key and value, in the place of pixel n + 1.
            padding = projected.new_zeros(projected.shape[2])
            if self.w_msa.qkv.bias is not None:
                padding = self.w_msa.qkv.bias.to(projected.dtype)
            projected = torch.cat([projected, padding.expand(projected.shape[0], 1, -1)], dim=1)
        # (K, n or n + 1, 3 C) -> three times (K, heads, n or n + 1, C / heads)
        query, key, value = projected.unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        attended = biased_attention(query[:, :, :pixels], key, value, bias, self.w_msa.scale,
                                    self.w_msa.attn_drop.p if self.training else 0.)
        return attended.transpose(1, 2).flatten(2).flatten(0, 1)  # (K, heads, n, C / heads) before

    def _position_biases(self, layout: WindowLayout, dtype: torch.dtype) -> List[Tensor]:
        """The bias of each group, as :meth:`_position_bias` gives it; kept where it may be."""
        table = self.w_msa.relative_position_bias_table
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or table.is_inference():
            return [self._position_bias(group).to(dtype) for group in layout.groups]
        # To hold the weights themselves keeps their memory from being given to others.
        source = (layout, dtype, table.data_ptr(), table._version, table.detach())
        if self._kept is None or self._kept[0][:4] != source[:4]:
            self._kept = source, [self._position_bias(group).to(dtype) for group in layout.groups]
        return self._kept[1]

    def _position_bias(self, group: WindowGroup) -> Tensor:
        """(heads, n, n) between the pixels of a window, and (heads, n, n + 1) where it has padding."""
        # (offsets, heads) -> (heads, n, M²)
        bias = self.w_msa.relative_position_bias_table.t().index_select(1, group.offsets)
        bias = bias.unflatten(1, (group.num_pixels, -1))
        if group.seams is not None:
            bias = bias + group.seams
        if bias.shape[2] == group.num_pixels:
            return bias
        real, padding = bias[..., :group.num_pixels], bias[..., group.num_pixels:]
        return torch.cat([real, padding.logsumexp(2, keepdim=True)], dim=2)


def biased_attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, scale: float,
                     dropout: float = 0.) -> Tensor:
    """``softmax(scale * query key^T + bias) value``.

    Args:
        query (Tensor): (K, heads, n, c).
        key (Tensor): (K, heads, m, c).
        value (Tensor): (K, heads, m, c).
        bias (Tensor): (heads, n, m), the same for all K.
        scale (float): Of the scores.
        dropout (float): Of the attention. Defaults to 0.

    Returns:
        Tensor: (K, heads, n, c).
    """
    if bias.is_cpu and bias.requires_grad and torch.is_grad_enabled():
        # No fused kernel of a CPU has a gradient for the bias, and what torch does instead is slower than this.
        scores = (query * scale) @ key.transpose(2, 3)
        weights = F.dropout(scores.add_(bias.to(scores.dtype)).softmax(3), dropout)
        return weights @ value
    return F.scaled_dot_product_attention(query, key, value, bias[None], dropout, scale=scale)


class _Reorder(torch.autograd.Function):
    """Rows (R, C) in another order, whose gradient is a gather too, not the addition that a gather has in general."""

    @staticmethod
    def forward(ctx, rows: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return rows.index_select(0, order)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tuple[Tensor, None, None]:
        return gradient.index_select(0, ctx.saved_tensors[0]), None, None
