"""A linear layer with batch norm and ReLU over words or pixels, in which padding does not count."""

from typing import Optional

from mmcv.cnn import build_norm_layer
from torch import Tensor, nn


def normalize_rows(norm: nn.Module, rows: Tensor, mask: Optional[Tensor] = None) -> Tensor:
    """Batch norm of (N, L, C) over N and L, of which in training only the real rows are seen.

    Args:
        norm (nn.Module): A batch norm for maps (BN, SyncBN).
        rows (Tensor): (N, L, C).
        mask (Tensor, optional): (N, L) bool, True = real. None: all rows are.

    Returns:
        Tensor: (N, L, C). What stands in rows of padding means nothing.
    """
    if mask is None or not norm.training:
        return _normalize(norm, rows.flatten(0, 1)).unflatten(0, rows.shape[:2])
    real = _normalize(norm, rows[mask])  # (N, L, C) -> (M, C), the M real rows
    normalized = real.new_zeros(rows.shape)
    normalized[mask] = real
    return normalized


def _normalize(norm: nn.Module, rows: Tensor) -> Tensor:
    """(M, C) through a norm for maps: every row is a map of one pixel."""
    return norm(rows[..., None, None])[..., 0, 0]


class LinearNormReLU(nn.Module):
    """Linear layer, batch norm, ReLU: what M3Att (TIP 2023, §IV-A) means by a linear layer.

    Args:
        in_channels (int): C of the input.
        out_channels (int): C of the output.
        norm_cfg (dict): A norm for maps, ``dict(type='BN')`` or ``dict(type='SyncBN')``.
    """

    def __init__(self, in_channels: int, out_channels: int, norm_cfg: dict) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, out_channels, bias=False)
        self.norm = build_norm_layer(norm_cfg, out_channels)[1]

    def forward(self, rows: Tensor, mask: Optional[Tensor] = None) -> Tensor:
        """(N, L, C_in) -> (N, L, C_out); ``mask`` (N, L), True = real, keeps padding out of the statistics."""
        return normalize_rows(self.norm, self.linear(rows), mask).relu()
