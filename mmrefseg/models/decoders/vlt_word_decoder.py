"""VLT's mask decoder on queries that are words: a row of M3Att's Table III (M3Att, TIP 2023, §IV-B)."""

from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures

from .vlt_decoder import VLTDecoder


@MODELS.register_module()
class VLTWordDecoder(VLTDecoder):
    """:class:`VLTDecoder` for as many queries as an expression has words, of which it needs a fixed number.

    Expressions have fewer words than ``num_queries``; queries of 0 stand for the missing, as M3Dec gives them for
    padding.

    Args:
        **kwargs: As :class:`VLTDecoder`; ``num_queries`` is the text encoder's ``max_length``.

    Raises:
        ValueError: As :class:`VLTDecoder`, or an expression has more words than ``num_queries``.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.reads = replace(self.reads, num_queries=None, max_queries=self.num_queries)

    def forward(self, features: MultiModalFeatures) -> Tensor:
        """Queries (N, L, C), 0 where there is no word -> Y (N, C', 2^s H, 2^s W)."""
        if features.queries is None:
            return super().forward(features)
        missing = self.num_queries - features.queries.shape[1]
        if missing < 0:
            raise ValueError(f'an expression has {features.queries.shape[1]} words, but decoder.num_queries is '
                             f'{self.num_queries}: set it to text_encoder.max_length')
        # (N, L, C) -> (N, Q, C)
        return super().forward(replace(features, queries=F.pad(features.queries, (0, 0, 0, missing))))
