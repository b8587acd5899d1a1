"""Levels that exchange what the expression asks for (CMPC, CVPR 2020: TGFE)."""

from typing import List, Optional, Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..utils import at_least_float32


class TextGuidedExchange(BaseModule):
    """One round of the text-guided feature exchange: each level takes from the others, as the sentence lets it.

    With s the sentence without its unnecessary words, for each level k and the other levels j::

        a   = softmax_cells((Y_k K)(s Q)^T / sqrt(C));   g = L2([sum a Y_k; s] U)
        Y_k ← L2(Y_k + sum_j relu(Y_j T_j) * sigmoid(g G_j))

    All levels read what was there before the round. K has no bias, which the softmax would cancel, and is applied to
    the sentence, not to the cells: the product is the same.

    Args:
        channels (int): C of the levels.
        text_channels (int): C of s.
        num_levels (int): How many levels there are. Defaults to 3.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 channels: int,
                 text_channels: int,
                 num_levels: int = 3,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.levels = nn.ModuleList(_LevelExchange(channels, text_channels, num_levels - 1) for _ in range(num_levels))

    def forward(self, maps: Sequence[Tensor], sentence: Tensor) -> List[Tensor]:
        """The levels Y (N, C, H, W) and s (N, C_t) -> the levels after the round."""
        return [
            level(maps[index], [*maps[:index], *maps[index + 1:]], sentence)
            for index, level in enumerate(self.levels)
        ]


class _LevelExchange(nn.Module):
    """Exchange of one level in a round."""

    def __init__(self, channels: int, text_channels: int, num_others: int) -> None:
        super().__init__()
        self.key = nn.Linear(channels, channels, bias=False)  # K
        self.query = nn.Linear(text_channels, channels)  # Q
        self.context = nn.Linear(channels + text_channels, channels)  # U
        self.taken = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(num_others))  # T_j
        self.gates = nn.ModuleList(nn.Linear(channels, channels) for _ in range(num_others))  # G_j

    def forward(self, own: Tensor, others: Sequence[Tensor], sentence: Tensor) -> Tensor:
        context = self.look(own, sentence)
        # (N, C) -> (N, C, 1, 1)
        gates = [gate(context).sigmoid()[..., None, None] for gate in self.gates]
        exchanged = sum(take(other).relu() * gate for take, other, gate in zip(self.taken, others, gates))
        return F.normalize(own + exchanged, eps=1e-6)

    def look(self, own: Tensor, sentence: Tensor) -> Tensor:
        """Y_k (N, C, H, W) and s (N, C_t) -> g (N, C)."""
        cells = own.flatten(2)  # (N, C, HW)
        query = self.query(sentence) @ self.key.weight  # (N, C)
        scores = at_least_float32(query[:, None] @ cells) / cells.shape[1]**0.5  # (N, 1, HW)
        seen = (cells @ scores.softmax(dim=2).transpose(1, 2).to(cells.dtype)).squeeze(2)
        return F.normalize(self.context(torch.cat([seen.to(sentence.dtype), sentence], dim=1)), eps=1e-6)
