"""LTS' classifier, trained at its own size (LTS, CVPR 2021, §3.4)."""

from typing import Dict

from torch import Tensor

from mmrefseg.registry import MODELS

from ..utils import downsample_target
from .mask_head import MaskHead


@MODELS.register_module()
class LTSMaskHead(MaskHead):
    """A :class:`MaskHead` whose losses compare P_mask, at stride 4, with the down-sampled mask (Eq. 11).

    Other methods' losses upsample the logits to the mask. With ``num_classes=1`` and ``RefCrossEntropyLoss`` it is
    Eq. 11's binary cross entropy, as a mean over the pixels. The paper does not say how the mask is down-sampled:
    here a cell takes the pixel at its centre.

    Args:
        in_channels (int): C of Y.
        **kwargs: As :class:`MaskHead`.
    """

    def mask_losses(self, logits: Tensor, target: Tensor) -> Dict[str, Tensor]:
        """Logits (N, K, h, w) against the target (N, H, W) brought to their size -> the losses by name."""
        return super().mask_losses(logits, downsample_target(target, logits.shape[2:]))
