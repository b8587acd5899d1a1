"""A recurrent network whose states are maps (Shi et al., NIPS 2015), as CMPC joins its levels."""

from typing import Optional, Sequence, Tuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn


class ConvLSTM(BaseModule):
    """An LSTM of 1x1 convolutions over a sequence of maps, with peepholes and layer norms; its last output.

    With [j; i; f; o] the four parts of ``[x; h] W``, W without bias, and W_c a weight a cell and channel::

        c = c sigmoid(LN(f + W_cf c) + 1) + sigmoid(LN(i + W_ci c)) tanh(LN(j))
        o = o + W_co c;   c = LN(c);   h = sigmoid(LN(o)) tanh(c)

    LN is over all cells and channels. The normalized c is handed on; both states start from zeros. The peepholes tie it
    to one size of the maps.

    Args:
        channels (int): C of the maps and of the states.
        feature_size (Tuple[int, int]): (H, W) of the maps.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: In ``forward``, the maps are not of ``feature_size``.
    """

    def __init__(self, channels: int, feature_size: Tuple[int, int], init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.feature_size = tuple(feature_size)
        self.gates = nn.Conv2d(2 * channels, 4 * channels, 1, bias=False)  # W
        self.norms = nn.ModuleDict({name: nn.GroupNorm(1, channels) for name in 'jifoc'})
        # W_ci, W_cf, W_co
        self.peepholes = nn.ParameterDict({
            name: nn.Parameter(nn.init.xavier_uniform_(torch.empty(channels, *self.feature_size))) for name in 'ifo'
        })

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """The maps (N, C, H, W) one after the other -> h (N, C, H, W) of the last."""
        hidden = cell = torch.zeros_like(maps[0])
        for level in maps:
            hidden, cell = self.step(level, hidden, cell)
        return hidden

    def step(self, level: Tensor, hidden: Tensor, cell: Tensor) -> Tuple[Tensor, Tensor]:
        """x, h and c (N, C, H, W) -> the next h and c."""
        if tuple(level.shape[2:]) != self.feature_size:
            raise ValueError(f'fusion.feature_size is {self.feature_size}, but the finest level has the size '
                             f'{tuple(level.shape[2:])}: CMPC works at one input size; change fusion.feature_size with '
                             'it, and train')
        new, enter, forget, output = self.gates(torch.cat([level, hidden], dim=1)).chunk(4, dim=1)
        enter = self.norms['i'](enter + self.peepholes['i'] * cell)
        forget = self.norms['f'](forget + self.peepholes['f'] * cell)
        cell = cell * (forget + 1).sigmoid() + enter.sigmoid() * self.norms['j'](new).tanh()
        output = self.norms['o'](output + self.peepholes['o'] * cell)
        cell = self.norms['c'](cell)
        return output.sigmoid() * cell.tanh(), cell
