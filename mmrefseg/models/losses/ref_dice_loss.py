"""Dice averaged over the object and the background (SADLR §3.4)."""

import torch
from torch import Tensor, nn

from mmrefseg.registry import MODELS

from ..utils import at_least_float32
from .class_shares import class_shares


@MODELS.register_module()
class RefDiceLoss(nn.Module):
    """``1 - 2 sum(p g) / (sum(p^2) + sum(g^2))``, an expression at a time, then averaged.

    SADLR averages the Dice loss (Milletari et al. 2016) of the "object" and of the "background"
    class (§3.4); S2RM takes the object's alone. mmseg's ``DiceLoss`` sums over both classes before it
    divides, which is another number.

    Args:
        background (bool): Average with the background's Dice. Defaults to True.
        eps (float): Added to numerator and denominator; the Dice of nothing with nothing is 1.
        loss_weight (float): Factor. Defaults to 1.
        loss_name (str): Name in the log. Defaults to 'loss_dice'.
    """

    def __init__(self,
                 background: bool = True,
                 eps: float = 1e-3,
                 loss_weight: float = 1.,
                 loss_name: str = 'loss_dice') -> None:
        super().__init__()
        self.background = background
        self.eps = eps
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(self, logits: Tensor, target: Tensor, ignore_index: int = 255, **kwargs) -> Tensor:
        """The loss.

        Args:
            logits (Tensor): (N, 2, H, W), softmax over background and object, or (N, 1, H, W), sigmoid.
            target (Tensor): (N, H, W), 1 = object, 0 = background; or, in floating point, the object's probability g.
            ignore_index (int): Pixels of this target count nowhere. Defaults to 255.

        Returns:
            Tensor: A scalar.
        """
        logits = at_least_float32(logits)  # sums over 10^5 pixels need more than half precision
        if logits.shape[1] == 1:
            probability = torch.cat([(-logits).sigmoid(), logits.sigmoid()], dim=1)
        else:
            probability = logits.softmax(dim=1)
        truth, valid = class_shares(target, ignore_index, probability.dtype)
        if not self.background:
            probability, truth = probability[:, 1:], truth[:, 1:]
        probability = (probability * valid[:, None]).flatten(2)
        truth = truth.flatten(2)
        overlap = (probability * truth).sum(2)
        total = probability.square().sum(2) + truth.square().sum(2)
        dice = (2 * overlap + self.eps) / (total + self.eps)
        return self.loss_weight * (1 - dice).mean()
