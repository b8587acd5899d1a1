"""Cross entropy over background and object, or over a sigmoid."""

from typing import Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmrefseg.registry import MODELS

from ..utils import at_least_float32
from .class_shares import class_shares


@MODELS.register_module()
class RefCrossEntropyLoss(nn.Module):
    """The mean of ``-w_c log p_c`` over the pixels that count, weighted by w.

    A soft target, the probability g of the object, gives the mean of ``-w_0 (1 - g) log p_0 - w_1 g log p_1`` over the
    pixels that count; it is no weighted mean, as of torch's cross entropy with probabilities, which MaskRIS takes.

    LAVT's released training weighs background and object by 0.9 and 1.1. mmseg's ``CrossEntropyLoss`` gives the
    same number but fails on ignored pixels (padding) when it has class weights.

    Args:
        class_weight (Sequence[float], optional): Of background and object. Defaults to equal weights.
        loss_weight (float): Factor. Defaults to 1.
        loss_name (str): Name in the log. Defaults to 'loss_ce'.

    Raises:
        ValueError: ``class_weight`` has not two numbers.
    """

    def __init__(self,
                 class_weight: Optional[Sequence[float]] = None,
                 loss_weight: float = 1.,
                 loss_name: str = 'loss_ce') -> None:
        super().__init__()
        if class_weight is not None and len(class_weight) != 2:
            raise ValueError(f'RefCrossEntropyLoss: class_weight is {class_weight}, expected two numbers, of '
                             'background and object')
        weight = None if class_weight is None else torch.tensor(class_weight, dtype=torch.float)
        self.register_buffer('class_weight', weight, persistent=False)
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(self, logits: Tensor, target: Tensor, ignore_index: int = 255, **kwargs) -> Tensor:
        """The loss.

        Args:
            logits (Tensor): (N, 2, H, W), softmax over background and object, or (N, 1, H, W), sigmoid.
            target (Tensor): (N, H, W), 1 = object, 0 = background; or, in floating point, the object's probability.
            ignore_index (int): Pixels of this target count nowhere. Defaults to 255.

        Returns:
            Tensor: A scalar.
        """
        logits = at_least_float32(logits)
        if logits.shape[1] == 1:
            # sigmoid(x) is the softmax of (0, x).
            logits = F.pad(logits, (0, 0, 0, 0, 1, 0))
        if target.is_floating_point():
            loss = _soft_cross_entropy(logits, target, self.class_weight, ignore_index)
        elif torch.are_deterministic_algorithms_enabled():
            loss = _repeatable_cross_entropy(logits, target, self.class_weight, ignore_index)
        else:
            weight = None if self.class_weight is None else self.class_weight.to(logits.dtype)
            loss = F.cross_entropy(logits, target, weight=weight, ignore_index=ignore_index)
        return self.loss_weight * loss


def _repeatable_cross_entropy(logits: Tensor, target: Tensor, weight: Optional[Tensor], ignore_index: int) -> Tensor:
    """``F.cross_entropy`` of two classes; that of images has no deterministic form on CUDA."""
    background, referent = logits.log_softmax(dim=1).unbind(dim=1)  # (N, H, W) each
    is_referent = target == 1
    counts = (target != ignore_index).to(logits)
    if weight is not None:
        counts = counts * torch.where(is_referent, weight[1], weight[0])
    return -(counts * torch.where(is_referent, referent, background)).sum() / counts.sum()


def _soft_cross_entropy(logits: Tensor, target: Tensor, weight: Optional[Tensor], ignore_index: int) -> Tensor:
    """Of two classes, with a probability as target."""
    shares, counted = class_shares(target, ignore_index, logits.dtype)
    if weight is not None:
        shares = shares * weight.to(logits.dtype)[:, None, None]
    return -(shares * logits.log_softmax(dim=1)).sum() / counted.sum()
