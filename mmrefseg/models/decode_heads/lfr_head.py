"""LFR, the language feature reconstruction (M3Att, TIP 2023, §III-C, Fig. 5)."""

from typing import Dict, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads, TextFeatures

from ..utils import LinearNormReLU, sine_positions
from .base_ref_head import BaseRefHead


@MODELS.register_module()
class LFRHead(BaseRefHead):
    """Rebuilds the expression from the queries, so that they keep it: an auxiliary head, absent at inference.

    With F_t the words, F_t' the sentence, e the positions of the words and © concatenation in the sequence (Eq. 4)::

        F_proj = 1 / (N_t + 1) sum(ReLU([(F_t + e) © F_t'] W_proj))
        F_rec  = mean(three linear layers(F_dec))
        loss   = w_rec MSE(F_rec, F_proj)

    It goes with every fusion that gives ``features.queries``. W_proj has no bias, as written; the other linear layers
    have batch norm and ReLU (§IV-A). The loss reaches W_proj and the text encoder too: the paper stops no gradient.
    N_t counts the real words, and padding is in no mean and no statistic.

    Args:
        query_channels (int): C of the queries.
        text_channels (int): C of words and sentence.
        channels (int): Width of the common space. Defaults to 256.
        word_queries (bool): Queries are one a word, padded as the words are (M3Dec). False: all are real (VLT).
            Defaults to True.
        loss_weight (float): w_rec. Defaults to 0.1.
        norm_cfg (dict, optional): Batch norm. Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: The features have no queries, or not one a word while ``word_queries``; the head is asked for a
            mask.
    """

    def __init__(self,
                 query_channels: int,
                 text_channels: int,
                 channels: int = 256,
                 word_queries: bool = True,
                 loss_weight: float = 0.1,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(in_channels=None, init_cfg=init_cfg)
        norm_cfg = norm_cfg or dict(type='BN')
        self.word_queries = word_queries
        self.reads = Reads(
            text=text_channels, sentence=text_channels, queries=query_channels, word_queries=word_queries)
        self.loss_weight = loss_weight
        self.project = nn.Linear(text_channels, channels, bias=False)  # W_proj
        self.rebuild = nn.ModuleList(
            LinearNormReLU(in_width, channels, norm_cfg) for in_width in (query_channels, channels, channels))

    def forward(self, decoded: Tensor, features: MultiModalFeatures) -> Tuple[Tensor, Tensor]:
        """The two features that are compared: F_rec and F_proj, each (N, C)."""
        if features.queries is None:
            raise ValueError('LFRHead in model.auxiliary_head reads features.queries, and model.fusion gives none')
        mask = features.text.mask if self.word_queries else None
        if self.word_queries and features.queries.shape[:2] != mask.shape:
            raise ValueError(
                f'LFRHead.word_queries is True, but an expression has {features.queries.shape[1]} queries and '
                f'{mask.shape[1]} words: set word_queries=False where queries are not one a word')
        return self.reconstruct(features.queries, mask), self.project_language(features.text)

    def reconstruct(self, queries: Tensor, mask: Optional[Tensor]) -> Tensor:
        """Queries (N, Q, C_q), mask (N, Q) with True = real -> F_rec (N, C)."""
        for layer in self.rebuild:
            queries = layer(queries, mask)
        return queries.mean(dim=1) if mask is None else _real_mean(queries, mask)

    def project_language(self, text: TextFeatures) -> Tensor:
        """Words (N, L, C_t) and sentence (N, C_t) -> F_proj (N, C)."""
        positions = sine_positions(*text.words.shape[1:], device=text.words.device).to(text.words.dtype)  # e
        sequence = torch.cat([text.words + positions, text.sentence[:, None]], dim=1)  # (N, L + 1, C_t)
        return _real_mean(self.project(sequence).relu(), F.pad(text.mask, (0, 1), value=True))

    def predict(self, decoded: Tensor, features: MultiModalFeatures) -> Tensor:
        """Give no mask: the head trains alone."""
        raise ValueError('LFRHead gives no mask: it belongs in model.auxiliary_head, not in model.decode_head')

    def loss(self, decoded: Tensor, features: MultiModalFeatures, target: Tensor) -> Dict[str, Tensor]:
        """``loss_rec``, a scalar; Y and target are not read."""
        rebuilt, language = self(decoded, features)
        return dict(loss_rec=self.loss_weight * F.mse_loss(rebuilt.float(), language.float()))


def _real_mean(rows: Tensor, mask: Tensor) -> Tensor:
    """(N, L, C) -> (N, C), the mean of the rows whose mask (N, L) is True."""
    return rows.masked_fill(~mask[..., None], 0).sum(dim=1) / mask.sum(dim=1, keepdim=True)
