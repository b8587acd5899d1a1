"""ReLA's regions: a mask, a minimap and whether there is a target (GRES, CVPR 2023, §4)."""

import math
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmdet.models.layers import SinePositionalEncoding
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads

from ..utils import at_least_float32
from .base_ref_head import BaseRefHead
from .region_layer import RegionLanguageAttention, RegionLayer


@dataclass
class RegionAnswers:
    """Answers of the regions: masks, minimap, no target.

    Attributes:
        logits (Tensor): (N, 2, h, w), the mask.
        minimap (Tensor): (N, Q, 2), logits that a region is background or object.
        no_target (Tensor): (N, 2), logits that there is an object, and that there is none.
    """

    logits: Tensor
    minimap: Tensor
    no_target: Tensor

    @property
    def existence(self) -> Tensor:
        """Tensor: (N,), log-odds that there is an object."""
        return self.no_target[:, 0] - self.no_target[:, 1]


@MODELS.register_module()
class ReLAHead(BaseRefHead):
    """Q learned regions look at the image and the words, and answer three questions at once.

    ::

        Q regions ─► RegionLayer x 9, on levels coarse to fine in turn ─► R (N, Q, C)
        R ─ MLP ─► embeddings E ─┐                         R ─ linear ─► minimap x_r (Q, 2)
        Y ───────────────────────┴► logits = sum_r x_r (E_r . Y)       R ─ MLP, mean ─► no target (2)

    In each layer a region looks at the pixels where its own mask E_r . Y is above zero, so far, or, where that is
    nowhere, at all. The words enter once, in the first layer (:class:`RegionLanguageAttention`).

    It says itself whether there is an object (``gives_existence``): its model needs no existence head, and
    ``pred_existence`` is the softmax of ``no_target``.

    The masks inside the layers are made at the size of a level and not made finer and resized: both are linear.

    Losses, each a cross entropy with classes weighted by 0.9 and 1.1: of the mask; of the minimap, Q = g x g regions
    that are compared with the target brought to g x g cells, 1 where a cell's bilinear sample is wholly inside; of no
    target, which is an empty target. Weights 5, 0.5 and 0.5 as released.

    Args:
        in_channels (int): C of Y, and of the regions' embeddings.
        map_channels (Sequence[int]): C_i of the fused maps, finest first; the three coarsest are looked at.
        text_channels (int): C_t of the words.
        channels (int): C of the regions. Defaults to 256.
        num_queries (int): Q, a square. Defaults to 100.
        num_layers (int): Defaults to 9.
        num_levels (int): Maps that are looked at. Defaults to 3.
        num_heads (int): Defaults to 8.
        feedforward_channels (int): Defaults to 2048.
        mask_words (bool): Whether padded words are hidden. False, as published: then the text encoder must give every
            expression as many words (``fixed_length``). Defaults to True.
        loss_minimap (dict, optional): Defaults to the one above.
        loss_existence (dict, optional): Defaults to the one above.
        **kwargs: As :class:`BaseRefHead`; ``loss_decode`` defaults to the one above.

    Raises:
        ValueError: Q is no square, there are fewer maps than ``num_levels``, or ``num_classes`` is not 2.
    """

    gives_existence = True

    def __init__(self,
                 in_channels: int,
                 map_channels: Sequence[int],
                 text_channels: int,
                 channels: int = 256,
                 num_queries: int = 100,
                 num_layers: int = 9,
                 num_levels: int = 3,
                 num_heads: int = 8,
                 feedforward_channels: int = 2048,
                 mask_words: bool = True,
                 loss_decode: Optional[dict] = None,
                 loss_minimap: Optional[dict] = None,
                 loss_existence: Optional[dict] = None,
                 **kwargs) -> None:
        super().__init__(in_channels, loss_decode=loss_decode or _cross_entropy('loss_ce', 5.), **kwargs)
        if self.num_classes != 2:
            raise ValueError(f'decode_head.num_classes is {self.num_classes}, expected 2: a region of the minimap is '
                             'background or object')
        self.grid = math.isqrt(num_queries)
        if self.grid**2 != num_queries:
            raise ValueError(f'decode_head.num_queries is {num_queries}, expected a square: the minimap has a region a '
                             'cell')
        if len(map_channels) < num_levels:
            raise ValueError(f'decode_head.map_channels is {tuple(map_channels)}, fewer than num_levels {num_levels}')
        self.reads = Reads(
            text=text_channels, maps=tuple(map_channels), joins_text=True, fixed_length=not mask_words)
        self.num_levels = num_levels
        self.mask_words = mask_words
        self.regions = nn.Embedding(num_queries, channels)
        self.region_positions = nn.Embedding(num_queries, channels)
        self.level_embedding = nn.Embedding(num_levels, channels)
        self.level_projections = nn.ModuleList(
            nn.Identity() if width == channels else nn.Conv2d(width, channels, 1)
            for width in map_channels[:-num_levels - 1:-1])
        self.position = SinePositionalEncoding(channels // 2, normalize=True)
        self.layers = nn.ModuleList(
            RegionLayer(channels, num_heads, feedforward_channels,
                        None if number else RegionLanguageAttention(channels, text_channels, num_heads))
            for number in range(num_layers))
        self.norm = nn.LayerNorm(channels)
        self.embed = _mlp(channels, channels, channels, in_channels)
        self.minimap = nn.Linear(channels, 2)
        self.no_target = _mlp(channels, channels, 2)
        self.loss_minimap = MODELS.build(loss_minimap or _cross_entropy('loss_minimap', 0.5))
        self.loss_existence = MODELS.build(loss_existence or _cross_entropy('loss_existence', 0.5))

    def answers(self, decoded: Tensor, features: MultiModalFeatures) -> RegionAnswers:
        """Y (N, C, h, w), maps and words -> the three answers."""
        levels = [self._level(decoded, features.maps[-1 - number], number) for number in range(self.num_levels)]
        mask = features.text.mask if self.mask_words else None
        regions = self.regions.weight.repeat(decoded.shape[0], 1, 1)  # no view of a parameter: for get_flops.py
        for number, layer in enumerate(self.layers):
            pixels, keys, mask_features = levels[number % self.num_levels]
            inside = self._inside(regions, mask_features)
            regions = layer(regions, self.region_positions.weight, pixels, keys, inside, features.text.words, mask)
        regions = self.norm(regions)
        minimap = self.minimap(regions)
        # (N, 2, Q) @ (N, Q, C) @ (N, C, hw): of all regions together, no mask of one alone is needed
        classifiers = torch.bmm(minimap.transpose(1, 2), self.embed(regions).to(minimap.dtype))
        logits = torch.bmm(classifiers, decoded.flatten(2).to(minimap.dtype)).unflatten(2, decoded.shape[2:])
        return RegionAnswers(logits, minimap, at_least_float32(self.no_target(regions)).mean(dim=1))

    def _level(self, decoded: Tensor, level: Tensor, number: int) -> Tuple[Tensor, Tensor, Tensor]:
        """A map as pixels and keys (N, HW, C), and Y at its size (N, C_Y, HW)."""
        mask_features = F.interpolate(decoded, size=level.shape[2:], mode='bilinear', align_corners=False).flatten(2)
        level = self.level_projections[number](level)
        position = self.position(None, level[:1]).flatten(2).transpose(1, 2)
        pixels = level.flatten(2).transpose(1, 2) + self.level_embedding.weight[number]
        return pixels, pixels + position, mask_features

    def _inside(self, regions: Tensor, mask_features: Tensor) -> Tensor:
        """Cells inside each region's own mask, or all: (N, Q, HW) bool, through which no gradient goes."""
        inside = torch.bmm(self.embed(self.norm(regions)).to(mask_features.dtype), mask_features) >= 0
        return inside | ~inside.any(dim=2, keepdim=True)

    def forward(self, decoded: Tensor, features: MultiModalFeatures) -> Tensor:
        """Y (N, C, h, w) and the fused features -> logits (N, 2, h, w)."""
        return self.answers(decoded, features).logits

    def predict_with_existence(self, decoded: Tensor, features: MultiModalFeatures) -> Tuple[Tensor, Tensor]:
        """Logits (N, 2, h, w), and log-odds (N,) that there is an object."""
        answers = self.answers(decoded, features)
        return answers.logits, answers.existence

    def loss(self, decoded: Tensor, features: MultiModalFeatures, target: Tensor) -> Dict[str, Tensor]:
        """The losses by name, and ``acc_existence``, percent; arguments as in the base class."""
        answers = self.answers(decoded, features)
        is_object = (target == 1)
        # (N, Q, 2) -> (N, 2, g, g)
        minimap = answers.minimap.transpose(1, 2).unflatten(2, (self.grid, self.grid))
        cells = F.interpolate(
            is_object[:, None].float(), size=(self.grid, self.grid), mode='bilinear', align_corners=False)[:, 0]
        is_empty = ~is_object.flatten(1).any(dim=1)
        losses = self.mask_losses(answers.logits, target)
        losses[self.loss_minimap.loss_name] = self.loss_minimap(minimap, cells.long())
        losses[self.loss_existence.loss_name] = self.loss_existence(
            answers.no_target[..., None, None], is_empty.long()[:, None, None])
        losses['acc_existence'] = 100 * ((answers.existence <= 0) == is_empty).float().mean().detach()
        return losses


def _cross_entropy(name: str, weight: float) -> dict:
    return dict(type='RefCrossEntropyLoss', class_weight=[0.9, 1.1], loss_weight=weight, loss_name=name)


def _mlp(*widths: int) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: List[nn.Module] = []
    for before, after in zip(widths, widths[1:]):
        layers += [nn.Linear(before, after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])
