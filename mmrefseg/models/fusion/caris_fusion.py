"""CARIS' bidirectional pixel decoder, up to the finest level (ACM MM 2023)."""

from typing import Optional, Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import Gives, MultiModalFeatures, Reads, TextFeatures

from ..utils import PixelLevels, expand_to_expressions
from .caris_layer import CARISLayer


@MODELS.register_module()
class CARISFusion(BaseModule):
    """Words and the pixels of all levels but the finest change each other, layer after layer.

    ::

        maps of stride 8, 16, 32 ─ 1x1, GN ─► pixels ─┐
        words ─ linear, LN ─► words, visual prompts ──┴► CARISLayer x 6 ─► maps of stride 8, 16, 32; queries
        map of stride 4 ─ 1x1, GN ──────────────────────────────────────► map of stride 4

    The visual prompts are learned and go along behind the words. Of the result, ``queries`` are two: the mean of the
    visual prompts, which stands for the background, and the first word (BERT's [CLS]), which stands for the object;
    :class:`DynamicClassifierHead` makes classifiers of them. The text handed on is the encoder's.

    What depends on the image alone (the 1x1 convolutions, positions) is computed once an image. Padded words are seen
    by nobody. MaskFeatureDecoder merges the levels.

    Args:
        in_channels (Sequence[int]): C_i of each level, finest first.
        text_channels (int): C of the words.
        channels (int): C of all that it gives. Defaults to 256.
        num_layers (int): Defaults to 6.
        num_prompts (int): Visual prompts. Defaults to 5.
        attention_channels (int): Inner width of the attentions between words and pixels. Defaults to 1024.
        feedforward_channels (int): Inner width of the feed-forward parts. Defaults to 1024.
        num_heads (int): Defaults to 8.
        num_points (int): Points of each head and level in the deformable attention. Defaults to 4.
        norm_cfg (dict, optional): Of the 1x1 convolutions. Defaults to ``dict(type='GN', num_groups=32)``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: Widths that the heads cannot share, or another number of levels.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 text_channels: int,
                 channels: int = 256,
                 num_layers: int = 6,
                 num_prompts: int = 5,
                 attention_channels: int = 1024,
                 feedforward_channels: int = 1024,
                 num_heads: int = 8,
                 num_points: int = 4,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.reads = Reads(text=text_channels, maps=tuple(in_channels))
        self.gives = Gives(maps=(channels, ) * len(in_channels), queries=channels, num_queries=2)
        self.levels = PixelLevels(in_channels, channels, norm_cfg)
        self.embed_words = nn.Sequential(nn.Linear(text_channels, channels), nn.LayerNorm(channels))
        self.visual_prompts = nn.Embedding(num_prompts, channels)
        self.layers = nn.ModuleList(
            CARISLayer(channels, self.levels.num_levels, attention_channels, feedforward_channels, num_heads,
                       num_points) for _ in range(num_layers))

    def forward(self,
                maps: Sequence[Tensor],
                text: TextFeatures,
                image_index: Optional[Tensor] = None) -> MultiModalFeatures:
        """Fuse.

        Args:
            maps (Sequence[Tensor]): One (B, C_i, H_i, W_i) map a level, finest first.
            text (TextFeatures): The N expressions.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B.

        Returns:
            MultiModalFeatures: ``maps`` (N, C, H_i, W_i), finest first; ``queries`` (N, 2, C).
        """
        finest, sequence = self.levels(maps)
        sequence = sequence.with_pixels(expand_to_expressions(sequence.pixels, image_index))
        prompts = self.visual_prompts.weight.expand(text.words.shape[0], -1, -1)
        embedded = self.embed_words(text.words)
        words = torch.cat([embedded, prompts.to(embedded.dtype)], dim=1)
        mask = F.pad(text.mask, (0, prompts.shape[1]), value=True)
        for layer in self.layers:
            words, sequence = layer(words, mask, sequence)
        background = words[:, text.words.shape[1]:].mean(dim=1)
        queries = torch.stack([background, words[:, 0]], dim=1)
        fused = [expand_to_expressions(finest, image_index), *reversed(sequence.maps())]
        return MultiModalFeatures(tuple(fused), text, queries=queries)
