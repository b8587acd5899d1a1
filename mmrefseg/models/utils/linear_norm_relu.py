"""A linear layer with batch norm and ReLU over words or pixels, in which padding does not count."""

from typing import Optional, Tuple

import torch
from mmcv.cnn import build_norm_layer
from torch import Tensor, distributed, nn

from .precision import at_least_float32


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
        # (N, L, C) -> (NL, C, 1, 1): every row is a map of one pixel; and back
        return norm(rows.flatten(0, 1)[..., None, None])[..., 0, 0].unflatten(0, rows.shape[:2])
    # Weights, and not the real rows picked out: how many they are depends on the words, which a GPU would have to be
    # asked for and torch.compile cannot know.
    mean, variance, count = _statistics_of_real(norm, at_least_float32(rows), mask)
    _update_running(norm, mean.detach(), variance.detach() * count / (count - 1).clamp(min=1))
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return ((rows - mean) * scale + norm.bias).to(rows.dtype)


def _statistics_of_real(norm: nn.Module, rows: Tensor, mask: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """Mean (C), biased variance (C) and number of the real rows, with SyncBN of those of all processes."""
    real = mask[..., None].to(rows.dtype)
    count = _sum_over_processes(norm, real.sum())
    mean = _sum_over_processes(norm, (rows * real).sum((0, 1))) / count
    variance = _sum_over_processes(norm, ((rows - mean).square() * real).sum((0, 1))) / count
    return mean, variance, count


def _sum_over_processes(norm: nn.Module, value: Tensor) -> Tensor:
    """Sum over the processes of a SyncBN; of any other norm ``value`` itself."""
    if isinstance(norm, nn.SyncBatchNorm) and distributed.is_initialized():
        return _AllReduce.apply(value, norm.process_group)
    return value


class _AllReduce(torch.autograd.Function):
    """A sum over processes: every process' loss depends on it, so its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx, value: Tensor, group) -> Tensor:
        """The same sum in each process."""
        ctx.group = group
        total = value.clone()
        distributed.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tuple[Tensor, None]:
        """The sum of the processes' gradients."""
        total = gradient.clone()
        distributed.all_reduce(total, group=ctx.group)
        return total, None


@torch.no_grad()
def _update_running(norm: nn.Module, mean: Tensor, variance: Tensor) -> None:
    """Update running statistics as :class:`torch.nn.BatchNorm2d` does, with the unbiased variance."""
    norm.num_batches_tracked.add_(1)
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance, norm.momentum)


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
