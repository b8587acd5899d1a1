"""S2RM, step 1: language, distributed over the map (Eqs. 1 to 4)."""

from typing import Optional

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.structures import TextFeatures

from ..utils import at_least_float32, without_autocast
from .tile_concat import TileConcat


class S2RMDistribution(BaseModule):
    """The distribution-aware language feature T^dist (S2RM §III.B.1).

    ::

        Q = Conv_BN_ReLU(Cat(V_4, T_0, P))          (1)  T_0: the sentence at every cell, P: coordinates
        K, V = Linear_LN_ReLU(T)                    (2)  each with weights of its own
        A = Softmax_words(Q K^T / sqrt(C))          (3)  padding words weigh nothing
        T^dist = A V                                (4)

    T_0 is ``text.sentence``; the paper's AvgP(T) is what a text encoder gives with ``sentence='mean'``.

    Args:
        channels (int): C of V_4, Q, K, V and T^dist.
        text_channels (int): C of the words.
        norm_cfg (dict): Of Eq. 1. Defaults to ``dict(type='BN')``.
    """

    def __init__(self, channels: int, text_channels: int, norm_cfg: Optional[dict] = None) -> None:
        super().__init__()
        self.scale = channels**-0.5
        self.query = TileConcat(channels, text_channels, channels, norm_cfg)
        self.key = nn.Sequential(nn.Linear(text_channels, channels), nn.LayerNorm(channels), nn.ReLU())
        self.value = nn.Sequential(nn.Linear(text_channels, channels), nn.LayerNorm(channels), nn.ReLU())

    def forward(self, image_map: Tensor, text: TextFeatures, image_index: Optional[Tensor] = None) -> Tensor:
        """Distribute.

        Args:
            image_map (Tensor): V_4, (B, C, H, W).
            text (TextFeatures): T, the N expressions.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            Tensor: T^dist, (N, C, H, W).
        """
        query = self.query(image_map, text.sentence, image_index).flatten(2)  # (N, C, H, W) -> (N, C, HW)
        key, value = at_least_float32(self.key(text.words)), at_least_float32(self.value(text.words))  # (N, L, C)
        with without_autocast(query):
            scores = key @ at_least_float32(query) * self.scale  # (N, L, HW)
            scores = scores.masked_fill(~text.mask[:, :, None], float('-inf'))
            distributed = value.transpose(1, 2) @ torch.softmax(scores, dim=1)  # (N, C, HW)
        return distributed.unflatten(2, image_map.shape[2:])
