"""CGAN's head: cascaded grouped attention on any decoder's Y (CGAN, ACM MM 2020)."""

from typing import Dict, List, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads

from ..losses import class_shares
from .base_ref_head import BaseRefHead
from .grouped_attention import GroupedAttention


@MODELS.register_module()
class CGAHead(BaseRefHead):
    """Refines Y step by step with attention between words and the whole image, then classifies it.

    ::

        words ──┬───────────────────┬──────────────────┐
                ▼                   ▼                  ▼
        Y ─► GroupedAttention ─► GroupedAttention ─► GroupedAttention ─► 1x1 classifier ─► logits
                └─► A_1             └─► A_2            └─► A_3     each against the mask, in training

    The cascade (CGA) and the instance-level attention (ILA) loss of the Cascade Grouped Attention Network (Luo et al.,
    ACM MM 2020) as a head, which is how SADLR's Table 3 compares with it: "stacked attention layers where each layer
    enhances the vision-language mapping from the previous layer". The paper itself could not be had:
    :class:`GroupedAttention` says which reading was taken of a step and from what. Chosen here:

    - Steps have parameters of their own, a stack of layers.
    - ILA is a binary cross entropy of the logits A_t with the truth at their size, averaged over the steps and added
      with weight 1, as the attention loss of the same authors' RealGIN (arXiv 1912.03478). The truth of a pixel of the
      map is the share of the object in what it covers, ignored pixels left out.
    - Three steps of four groups: on Y of 512 channels at 120x120 with 20 words they cost 10.3 G multiply-adds (a
      step: three projections 2.83 G, four products with the words 0.59 G); SADLR's table has CGA add 10.0 to 10.1 G
      to its hosts.

    Args:
        in_channels (int): C of Y.
        text_channels (int): C of the words.
        num_steps (int): Steps of the cascade. Defaults to 3.
        num_groups (int): G, groups of channels. Defaults to 4.
        ila_weight (float): Weight of the ILA loss; 0 leaves it out. Defaults to 1.
        norm_cfg (dict, optional): Of each step. Defaults to ``dict(type='BN')``.
        **kwargs: As :class:`BaseRefHead`.

    Raises:
        ValueError: ``num_steps`` is below 1, ``ila_weight`` below 0, ``in_channels`` no multiple of ``num_groups``, or
            the text encoder gives words of other than ``text_channels`` channels.
    """

    takes_sub_pixel = True

    def __init__(self,
                 in_channels: int,
                 text_channels: int,
                 num_steps: int = 3,
                 num_groups: int = 4,
                 ila_weight: float = 1.,
                 norm_cfg: Optional[dict] = None,
                 **kwargs) -> None:
        super().__init__(in_channels, **kwargs)
        if num_steps < 1:
            raise ValueError(f'decode_head.num_steps is {num_steps}, expected 1 or more (MaskHead has no step)')
        if ila_weight < 0:
            raise ValueError(f'decode_head.ila_weight is {ila_weight}, expected 0 (no loss) or more')
        self.text_channels = text_channels
        self.reads = Reads(text=text_channels)
        self.ila_weight = ila_weight
        self.steps = nn.ModuleList(
            GroupedAttention(self.channels, text_channels, num_groups, norm_cfg) for _ in range(num_steps))
        self.classifier = nn.Conv2d(self.channels, self.num_classes, 1)

    def forward(self, decoded: Tensor, features: MultiModalFeatures) -> Tensor:
        """Y (N, C, h, w) and the text -> logits (N, K, h, w)."""
        refined, _ = self.refine(decoded, features)
        return self.classifier(refined)

    def refine(self, decoded: Tensor, features: MultiModalFeatures) -> Tuple[Tensor, List[Tensor]]:
        """The cascade.

        Args:
            decoded (Tensor): Y, (N, C, h, w).
            features (MultiModalFeatures): Of which the words are read.

        Returns:
            tuple: Y after the last step (N, C, h, w), and A_1, A_2, …, (N, h, w) logits a step.
        """
        found = features.text.words.shape[2]
        if found != self.text_channels:
            raise ValueError(f'decode_head.text_channels is {self.text_channels}, but the text encoder gives words of '
                             f'{found} channels')
        decoded = self.finer(decoded)
        attentions = []
        for step in self.steps:
            decoded, attention = step(decoded, features.text)
            attentions.append(attention)
        return decoded, attentions

    def loss_and_logits(self, decoded: Tensor, features: MultiModalFeatures,
                        target: Tensor) -> Tuple[Dict[str, Tensor], Tensor]:
        """The losses of the mask and ``loss_ila``, and the logits; arguments as in the base class."""
        refined, attentions = self.refine(decoded, features)
        logits = self.classifier(refined)
        losses = self.mask_losses(logits, target)
        if self.ila_weight:
            losses['loss_ila'] = self.ila_weight * self.ila_loss(attentions, target)
        return losses, logits

    def ila_loss(self, attentions: List[Tensor], target: Tensor) -> Tensor:
        """Instance-level attention loss: A_1, A_2, … (N, h, w) and target (N, H, W) -> their mean cross entropy."""
        size = attentions[0].shape[1:]
        shares, counted = class_shares(target, self.ignore_index, torch.float)
        counted = _shrink(counted, size)
        share = _shrink(shares[:, 1], size) / counted.clamp(min=1e-6)
        total = sum(
            F.binary_cross_entropy_with_logits(attention.float(), share, weight=counted, reduction='sum')
            for attention in attentions)
        return total / (len(attentions) * counted.sum().clamp(min=1e-6))


def _shrink(marked: Tensor, size) -> Tensor:
    """Marked pixels (N, H, W), bool or 0 to 1 -> the share of them in each pixel of a map of ``size``, (N, h, w)."""
    return F.adaptive_avg_pool2d(marked[:, None].float(), tuple(size))[:, 0]
