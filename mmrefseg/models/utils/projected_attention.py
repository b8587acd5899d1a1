"""Attention whose inner width is not that of its input."""

from typing import Optional

import torch.nn.functional as F
from torch import Tensor, nn


class ProjectedAttention(nn.Module):
    """``W_out softmax(W_q q (W_k k)^T / sqrt(C' / M)) W_v v``, M heads of an inner width C'.

    Args:
        channels (int): C of queries, keys, values and of the output.
        inner_channels (int, optional): C'. Defaults to C.
        num_heads (int): M. Defaults to 8.

    Raises:
        ValueError: The inner width is no multiple of ``num_heads``.
    """

    def __init__(self, channels: int, inner_channels: Optional[int] = None, num_heads: int = 8) -> None:
        super().__init__()
        inner_channels = inner_channels or channels
        if inner_channels % num_heads:
            raise ValueError(f'ProjectedAttention: an inner width of {inner_channels} is no multiple of num_heads '
                             f'{num_heads}')
        self.num_heads = num_heads
        self.query = nn.Linear(channels, inner_channels)
        self.key = nn.Linear(channels, inner_channels)
        self.value = nn.Linear(channels, inner_channels)
        self.out = nn.Linear(inner_channels, channels)
        for layer in self.children():
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Optional[Tensor] = None) -> Tensor:
        """Attend.

        Args:
            query (Tensor): (N, Q, C).
            key (Tensor): (N, S, C).
            value (Tensor): (N, S, C).
            mask (Tensor, optional): (N, S) or (N, Q, S) bool, True = may be attended to, for each query one or more.

        Returns:
            Tensor: (N, Q, C).
        """
        # (N, *, C') -> (N, M, *, C' / M)
        query, key, value = (layer(rows).unflatten(2, (self.num_heads, -1)).transpose(1, 2)
                             for layer, rows in ((self.query, query), (self.key, key), (self.value, value)))
        if mask is not None:
            mask = mask[:, None, None] if mask.ndim == 2 else mask[:, None]  # the same for all heads
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(attended.transpose(1, 2).flatten(2))
