"""S2RM, step 3: the four kinds of parsed semantics are weighed (Eqs. 9 and 10)."""

from typing import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn


class S2RMBalancing(BaseModule):
    """Parsed semantics balancing (S2RM §III.B.3).

    ::

        G = Sig(AvgP(Conv(Cat(C^l2v, R^l2v, C^v2l, R^v2l))))      (9)   one weight a map
        B = Cat(C^l2v g_0, R^l2v g_1, C^v2l g_2, R^v2l g_3)       (10)

    The convolution's size is not in the paper: 1x1, which "compresses the channels" and no more. It is then applied
    to the average, which is the same and H W times cheaper.

    Args:
        in_channels (Sequence[int]): Channels of each map.
    """

    def __init__(self, in_channels: Sequence[int]) -> None:
        super().__init__()
        self.weigh = nn.Linear(sum(in_channels), len(in_channels))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps (N, K_m, H, W) -> B, (N, sum K_m, H, W)."""
        averages = torch.cat([parsed.mean(dim=(2, 3)) for parsed in maps], dim=1)  # AvgP: (N, sum K)
        weights = self.weigh(averages).sigmoid()  # G: (N, maps)
        return torch.cat([parsed * weights[:, m, None, None, None] for m, parsed in enumerate(maps)], dim=1)
