"""IMI, the iterative multi-modal interaction between two decoder layers (M3Att, TIP 2023, §III-B, Fig. 4)."""

from typing import Optional, Tuple

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..utils import LinearNormReLU, normalize_rows


class IterativeInteraction(BaseModule):
    """Puts words back into what a decoder layer made of them.

    With F_dec^n the layer's output and F_l^{n-1} the words of the block before (F_t for the first), Eq. 3::

        F_l^n  = linear(F_l^{n-1})
        A_l^n  = softmax_words(ReLU[F_dec^n W_a] (F_l^n)^T)
        F_i^n  = A_l^n ReLU[F_l^n W_l']
        F'_dec = BN(F_dec^n + w_ci F_i^n)

    IMI* of Table II gives every layer the same words: F_i^n is F_t. It keeps w_ci and BN alone.

    Left open by the paper: w_ci starts at 1; "linear" has batch norm and ReLU as §IV-A says, while W_a and W_l' are
    what Eq. 3 spells out, without bias and norm. Padding stays out of the softmax and of all statistics.

    Args:
        channels (int): C.
        transform (bool): Whether words are transformed and chosen; False is IMI*. Defaults to True.
        norm_cfg (dict, optional): Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 channels: int,
                 transform: bool = True,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        norm_cfg = norm_cfg or dict(type='BN')
        self.transform = transform
        if transform:
            self.next_language = LinearNormReLU(channels, channels, norm_cfg)
            self.query = nn.Linear(channels, channels, bias=False)  # W_a
            self.value = nn.Linear(channels, channels, bias=False)  # W_l'
        self.amount = nn.Parameter(torch.ones(()))  # w_ci
        self.norm = build_norm_layer(norm_cfg, channels)[1]

    def forward(self, decoded: Tensor, language: Tensor, mask: Tensor) -> Tuple[Tensor, Tensor]:
        """Interact.

        Args:
            decoded (Tensor): F_dec^n, (N, L, C).
            language (Tensor): F_l^{n-1}, (N, L, C).
            mask (Tensor): (N, L) bool, True = a real word.

        Returns:
            tuple[Tensor, Tensor]: F'_dec^n (N, L, C), the queries of the next layer, and F_l^n (N, L, C), the words
            of the next block.
        """
        if self.transform:
            language = self.next_language(language, mask)  # F_l^n
            injected = self.attend(decoded, language, mask)  # F_i^n
        else:
            injected = language
        return normalize_rows(self.norm, decoded + self.amount * injected, mask), language

    def attend(self, decoded: Tensor, language: Tensor, mask: Tensor) -> Tensor:
        """The words that each feature asks for: F_dec^n and F_l^n (N, L, C) -> F_i^n (N, L, C)."""
        scores = self.query(decoded).relu() @ language.transpose(1, 2)  # (N, L, L)
        weights = scores.masked_fill(~mask[:, None], float('-inf')).softmax(dim=2)  # A_l^n
        return weights @ self.value(language).relu()
