"""VLT's query generation: several readings of one expression (VLT, ICCV 2021, §3)."""

from typing import Optional, Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.structures import TextFeatures

from ..utils import expand_to_expressions


class QueryGeneration(BaseModule):
    """Q query vectors an expression: the image weighs the words anew for each of them.

    Three 3x3 convolutions bring the visual map to Q channels, one a query, and each channel's pixels are put in
    a row, F_vq (Q, HW). With F_t the words (L, C_t) and W without bias::

        A   = softmax_words(relu(F_vq W_v) relu(F_t W_a)^T)        (Q, L)
        F_q = A F_t W_l                                            (Q, C)

    W_v has a row a pixel, which ties the module to one size of map, ``feature_size``.

    The visual map is the backbone's, before any word (the paper's raw vision feature), so that F_vq W_v is computed
    once an image. The released code does three things otherwise, and the formula is followed here: it takes a map
    that the sentence was multiplied into, its attention has several heads with positions added, and it sums over
    padding. Here padding has no weight. The widths between the convolutions are left open: C here,
    with batch norm and LeakyReLU after the first two, as released.

    Args:
        in_channels (int): C_v of the visual map.
        text_channels (int): C_t of the words.
        feature_size (Sequence[int]): (H, W) of the visual map.
        channels (int): C of the queries. Defaults to 256.
        num_queries (int): Q. Defaults to 16.
        norm_cfg (dict, optional): Of the convolutions. Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: The visual map has another size than ``feature_size``.
    """

    def __init__(self,
                 in_channels: int,
                 text_channels: int,
                 feature_size: Sequence[int],
                 channels: int = 256,
                 num_queries: int = 16,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.feature_size = tuple(feature_size)
        layer_cfg = dict(
            kernel_size=3,
            padding=1,
            norm_cfg=norm_cfg or dict(type='BN'),
            act_cfg=dict(type='LeakyReLU', negative_slope=0.1))
        self.reduce = nn.Sequential(
            ConvModule(in_channels, channels, **layer_cfg), ConvModule(channels, channels, **layer_cfg),
            nn.Conv2d(channels, num_queries, 3, padding=1))
        height, width = self.feature_size
        self.visual = nn.Linear(height * width, channels, bias=False)  # W_v
        self.key = nn.Linear(text_channels, channels, bias=False)  # W_a
        self.value = nn.Linear(text_channels, channels, bias=False)  # W_l

    def forward(self, image_map: Tensor, text: TextFeatures, image_index: Optional[Tensor] = None) -> Tensor:
        """The queries F_q.

        Args:
            image_map (Tensor): (B, C_v, H, W), the backbone's.
            text (TextFeatures): The N expressions.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            Tensor: (N, Q, C).
        """
        return self.attention(image_map, text, image_index) @ self.value(text.words)

    def attention(self, image_map: Tensor, text: TextFeatures, image_index: Optional[Tensor] = None) -> Tensor:
        """A, how much each query heeds each word, (N, Q, L); arguments as :meth:`forward`. Padding has 0."""
        if tuple(image_map.shape[2:]) != self.feature_size:
            raise ValueError(
                f'the map of which the queries are made is {tuple(image_map.shape[2:])} (height, width), but '
                f'fusion.feature_size is {self.feature_size}, and its pixels are the rows of a matrix: resize or pad '
                'the pictures to the size that the config is made for, or set feature_size')
        per_query = self.reduce(image_map).flatten(2)  # F_vq: (B, C_v, H, W) -> (B, Q, HW)
        visual = expand_to_expressions(self.visual(per_query).relu(), image_index)  # (N, Q, C)
        scores = visual @ self.key(text.words).relu().transpose(1, 2)  # (N, Q, L)
        return torch.softmax(scores.masked_fill(~text.mask[:, None], float('-inf')), dim=2)
