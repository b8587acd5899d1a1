"""Head for the existence of the referent (generalized referring segmentation; GRES, CVPR 2023)."""

import math
from typing import Dict, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads

from ..utils import at_least_float32
from .base_ref_head import BaseRefHead


@MODELS.register_module()
class ExistenceHead(BaseRefHead):
    """Says of each expression whether the image has what it names; for ``existence_head`` of any model.

    ::

        sentence ─ linear ─► query ─┐
                                    ▼
        Y ──────┬─► attention of the query ─► mean of Y where it looks ─┐
                └─► maximum of each channel ────────────────────────────┤
        sentence ───────────────────────────────────────────────────────┴─► two layers ─► logit

    It goes beside the decode head, whichever that is, in training and at inference: it reads Y and the sentence alone,
    and nothing reads it. ``test_cfg.existence_threshold`` says when a mask is emptied.

    GRES defines the task and leaves the output to the model. ReLA has a no-target classifier on its queries, which
    other decoders have not. A mean over the image would lose a small object, so here the sentence looks for it. The
    loss is a binary cross entropy with "some pixel of the target is the object", weighted 0.1 beside the mask's as
    ReLA's is; pixels to be ignored are none of the object.

    Args:
        in_channels (int): C of Y; with ``from_maps`` of the coarsest fused map.
        text_channels (int): C of the sentence.
        channels (int): Width of the hidden layer. Defaults to 256.
        from_maps (bool): Read the coarsest fused map in the place of Y: for a model without a decoder, whose decode
            head is mmseg's. Defaults to False.
        loss_weight (float): Defaults to 0.1.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 in_channels: int,
                 text_channels: int,
                 channels: int = 256,
                 from_maps: bool = False,
                 loss_weight: float = 0.1,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(None if from_maps else in_channels, init_cfg=init_cfg)
        self.from_maps = from_maps
        self.reads = Reads(text=text_channels, sentence=text_channels, last_map=in_channels if from_maps else None)
        self.loss_weight = loss_weight
        self.query = nn.Linear(text_channels, in_channels)
        self.classifier = nn.Sequential(
            nn.Linear(2 * in_channels + text_channels, channels), nn.ReLU(inplace=True), nn.Linear(channels, 1))

    def forward(self, decoded: Optional[Tensor], features: MultiModalFeatures) -> Tensor:
        """Y (N, C, h, w), or the coarsest map, and the sentence (N, C_t) -> logits (N,), above 0: there is one."""
        pixels = (features.maps[-1] if self.from_maps else decoded).flatten(2)  # (N, C, hw)
        sentence = features.text.sentence
        query = self.query(sentence) / math.sqrt(pixels.shape[1])
        # (N, 1, C) @ (N, C, hw) -> (N, 1, hw)
        attention = at_least_float32(query[:, None] @ pixels).softmax(dim=2).to(pixels.dtype)
        looked_at = (pixels @ attention.transpose(1, 2))[..., 0]
        pooled = torch.cat([looked_at, pixels.amax(dim=2), sentence.to(pixels.dtype)], dim=1)
        return at_least_float32(self.classifier(pooled)[:, 0])

    def loss_and_logits(self, decoded: Optional[Tensor], features: MultiModalFeatures,
                        target: Tensor) -> Tuple[Dict[str, Tensor], Tensor]:
        """``loss_existence``, a scalar, and ``acc_existence``, percent, and the logits (N,).

        Arguments as in the base class, but that the target may be (N,): the probability that there is such an object.
        """
        logits = self(decoded, features)
        exists = target > 0.5 if target.ndim == 1 else (target == 1).flatten(1).any(dim=1)
        share = target if target.ndim == 1 else exists
        losses = dict(
            loss_existence=self.loss_weight * F.binary_cross_entropy_with_logits(logits, share.to(logits)),
            acc_existence=100 * ((logits > 0) == exists).to(logits).mean().detach())
        return losses, logits
