"""Types of words: entity, attribute, relation, unnecessary (CMPC, CVPR 2020)."""

from typing import Optional, Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.structures import TextFeatures

ENTITY, ATTRIBUTE, RELATION, UNNECESSARY = range(4)


class WordTypes(BaseModule):
    """The probabilities that a word is an entity, an attribute, a relation or unnecessary.

    ``p_t = softmax(W_2 relu(W_1 l_t))`` for each word l_t. Nobody tells the types: what reads them makes them so.
    Between the two layers stands the released code's ReLU.

    Args:
        text_channels (int): C of the words; the hidden layer has half of it.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self, text_channels: int, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.hidden = nn.Linear(text_channels, text_channels // 2)  # W_1
        self.output = nn.Linear(text_channels // 2, 4)  # W_2

    def forward(self, text: TextFeatures) -> Tensor:
        """N expressions -> p (N, L, 4), 0 in the padding; the columns are ENTITY, ATTRIBUTE, RELATION, UNNECESSARY."""
        types = self.output(self.hidden(text.words).relu()).softmax(dim=2)
        return types.masked_fill(~text.mask[..., None], 0)


def words_of(text: TextFeatures, types: Tensor, chosen: Sequence[int]) -> Tensor:
    """The words of some types as one vector of length 1: ``L2(sum_t (sum of p_t over the types) l_t)``.

    Args:
        text (TextFeatures): The N expressions.
        types (Tensor): p, (N, L, 4), 0 in the padding.
        chosen (Sequence[int]): The types.

    Returns:
        Tensor: (N, C).
    """
    weights = sum(types[..., kind] for kind in chosen)
    # (N, 1, L) @ (N, L, C) -> (N, C)
    return F.normalize((weights[:, None] @ text.words).squeeze(1), eps=1e-6)
