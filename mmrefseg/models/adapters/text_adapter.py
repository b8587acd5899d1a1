"""DETRIS' adapter of a text tower (DETRIS, AAAI 2025, §3.2)."""

from typing import Optional

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from .dense_convolutions import DenseConvolutions


class TextAdapter(BaseModule):
    """Down, convolutions along the words, up.

    With X the words, the first of which, ``<|startoftext|>``, goes around the convolutions::

        D = relu(W_d X);  E = [D_1; dense(D_2 … D_L)];  result = W_u (E + D)

    Every row has its L words, padding among them: a convolution reads what stands behind the last word too.

    Args:
        in_channels (int): C of the words.
        channels (int): C of D.
        norm_cfg (dict, optional): Of the convolutions. Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 in_channels: int,
                 channels: int,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.down = nn.Linear(in_channels, channels)
        self.dense = DenseConvolutions(channels, along_words=True, norm_cfg=norm_cfg)
        self.up = nn.Linear(channels, in_channels)

    def forward(self, words: Tensor) -> Tensor:
        """(N, L, C) -> (N, L, C)."""
        narrow = self.down(words).relu()
        first, rest = narrow[:, :1], narrow[:, 1:]
        # (N, L - 1, C) -> (N, C, 1, L - 1) and back
        mixed = self.dense(rest.transpose(1, 2)[:, :, None])[:, :, 0].transpose(1, 2)
        return self.up(torch.cat([first, mixed], dim=1) + narrow)
