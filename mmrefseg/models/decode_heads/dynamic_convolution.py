"""Convolution whose kernel a query generates (SADLR, AAAI 2023, §3.3)."""

from typing import List, Optional, Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..utils import is_exporting

#: With AMX, a product of matrices in bfloat16 first reorders the whole weight, be it for one row. What is not known of
#: an older torch is taken for so.
REORDERS_FOR_A_ROW = getattr(torch.cpu, 'get_capabilities', dict)().get('amx_bf16', True)


class KernelGenerator(nn.Module):
    """A linear function from a query to the kernel of a 1x1 convolution.

    The same as ``nn.Linear``, initial weights included, but its weight is stored input first: for one query a CPU then
    takes half the time. In bfloat16 it is the other way round: there the same numbers lie output first in memory.

    Args:
        query_channels (int): C of the query.
        in_channels (int): Channels that the kernel convolves.
        out_channels (int): Filters of the kernel.
    """

    multiplies = True  # see `use_half_precision`

    def __init__(self, query_channels: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.weight = nn.Parameter(torch.empty(query_channels, in_channels * out_channels))
        self.bias = nn.Parameter(torch.empty(in_channels * out_channels))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -query_channels**-0.5, query_channels**-0.5)

    def arrange(self) -> None:
        """Lay the weight out in memory as its type is read fastest: the shape and the numbers stay as they are.

        :func:`mmrefseg.engine.use_half_precision` calls it.
        """
        if self.weight.is_cpu and self.weight.dtype == torch.bfloat16:
            self.weight.data = self.weight.data.t().contiguous().t()

    def forward(self, query: Tensor) -> Tensor:
        """(N, C) -> (N, in_channels, out_channels)."""
        # Exporting first: a graph's number of rows is not to be asked for.
        if not is_exporting() and len(query) == 1 and self.weight.is_cpu and self.weight.dtype == torch.bfloat16:
            query, weight = query.to(self.weight.dtype), self.weight.t()
            if REORDERS_FOR_A_ROW:
                kernel = (torch.mv(weight, query[0]) + self.bias)[None]
            else:
                kernel = F.linear(query, weight, self.bias)
        else:
            kernel = torch.addmm(self.bias, query, self.weight)
        return kernel.unflatten(1, (self.in_channels, -1))


class DynamicConvolution(BaseModule):
    """Semantics-aware dynamic convolution: highlights in a map what its query stands for (SADLR §3.3, Fig. 4).

    A layer generates a 1x1 kernel from the query with a linear function of its own, multiplies and normalizes::

        K = linear(Q);  Z = relu(LN(Y K))

    and the next layer takes Z in the place of Y, with the same query.

    Args:
        in_channels (int): C of Y and of Q.
        channels (Sequence[int]): Filters of each layer: ``[128, 512]`` are two layers (the paper's default), and
            its ``[128, 512] x 2`` is ``[128, 512, 128, 512]``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Attributes:
        out_channels (int): Filters of the last layer.

    Raises:
        ValueError: ``channels`` is empty.
    """

    def __init__(self,
                 in_channels: int,
                 channels: Sequence[int] = (128, 512),
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if not channels:
            raise ValueError('DynamicConvolution: channels is empty, expected the filters of one layer or more')
        self.widths = (in_channels, *channels)
        self.out_channels = self.widths[-1]
        self.kernels = nn.ModuleList(
            KernelGenerator(in_channels, before, after) for before, after in zip(self.widths, channels))
        self.norms = nn.ModuleList(nn.LayerNorm(after) for after in channels)

    def forward(self, pixels: Tensor, query: Tensor) -> Tensor:
        """Y (N, HW, C) and Q (N, C) -> Z (N, HW, C')."""
        return self.convolve(pixels, self.generate(query))

    def generate(self, query: Tensor) -> List[Tensor]:
        """Q (N, C) -> the kernel (N, before, after) of each layer."""
        return [generate(query) for generate in self.kernels]

    def convolve(self, pixels: Tensor, kernels: Sequence[Tensor]) -> Tensor:
        """Y (N, HW, C), of any pixels, and what :meth:`generate` made -> Z (N, HW, C'); of one map without N."""
        for kernel, norm in zip(kernels, self.norms):
            pixels = norm(pixels @ kernel).relu_()
        return pixels
