"""CARIS' head: classifiers made of the expression and the image (ACM MM 2023)."""

from typing import Optional

import torch
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads

from .base_ref_head import BaseRefHead


@MODELS.register_module()
class DynamicClassifierHead(BaseRefHead):
    """``logits_k = MLP(q_k) . Y``: each of the K queries of the fusion, through one MLP, is the classifier of a class.

    With :class:`CARISFusion` q_1 is the mean of the visual prompts, for the background, and q_2 the first word, for the
    object. MLP has three linear layers with ReLU between them.

    Args:
        in_channels (int): C of Y.
        query_channels (int, optional): C of the queries. Defaults to ``in_channels``.
        **kwargs: As :class:`BaseRefHead`; ``num_classes`` K is the number of queries.

    Raises:
        ValueError: The features have not K queries.
    """

    def __init__(self, in_channels: int, query_channels: Optional[int] = None, **kwargs) -> None:
        super().__init__(in_channels, **kwargs)
        width = query_channels or in_channels
        self.reads = Reads(queries=width, num_queries=self.num_classes)
        self.classifier = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(inplace=True), nn.Linear(width, width), nn.ReLU(inplace=True),
            nn.Linear(width, in_channels))

    def forward(self, decoded: Tensor, features: MultiModalFeatures) -> Tensor:
        """Y (N, C, h, w) and queries (N, K, C_q) -> logits (N, K, h, w)."""
        queries = features.queries
        if queries is None or queries.shape[1] != self.num_classes:
            found = 'none' if queries is None else queries.shape[1]
            raise ValueError(f'DynamicClassifierHead.num_classes is {self.num_classes}, but of queries model.fusion '
                             f'gives {found}: CARISFusion gives two')
        classifiers = self.classifier(queries)
        # (N, K, C) @ (N, C, hw) -> (N, K, h, w)
        return torch.bmm(classifiers, decoded.flatten(2)).unflatten(2, decoded.shape[2:])
