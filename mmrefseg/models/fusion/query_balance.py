"""VLT's query balance: which of the readings of an expression to trust (VLT, ICCV 2021, §3)."""

from typing import Optional

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn


class QueryBalance(BaseModule):
    """A confidence a query, which scales its response.

    With F_q the queries and F_r the responses of the transformer decoder, side by side::

        C_q = sigmoid(linear(relu(linear([F_q; F_r]))))        in [0, 1], a scalar a query
        F_b = C_q * F_r

    The paper has two linear layers, the second one with the sigmoid; the ReLU between them and the inner width, C,
    are the released code's (which also has a layer before each of the two inputs).

    Args:
        channels (int): C of queries and responses.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self, channels: int, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.layers = nn.Sequential(nn.Linear(2 * channels, channels), nn.ReLU(), nn.Linear(channels, 1), nn.Sigmoid())

    def forward(self, queries: Tensor, responses: Tensor) -> Tensor:
        """F_q and F_r, (N, Q, C) both -> F_b (N, Q, C)."""
        return self.confidence(queries, responses) * responses

    def confidence(self, queries: Tensor, responses: Tensor) -> Tensor:
        """F_q and F_r, (N, Q, C) both -> C_q (N, Q, 1)."""
        return self.layers(torch.cat([queries, responses], dim=2))
