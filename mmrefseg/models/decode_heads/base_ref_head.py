"""Base of the heads: the losses of a mask."""

from abc import ABCMeta, abstractmethod
from typing import Dict, List, Optional, Tuple, Union

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures

from ..utils import SubPixel, at_least_float32


class BaseRefHead(BaseModule, metaclass=ABCMeta):
    """Base of the heads: Y and what else fusion made -> logits -> losses.

    ::

        decoder ─► Y (N, C, h, w) ──┐
        features (text, queries …) ─┴─► forward ─► logits (N, K, h, w) ─► loss | predict

    K = 2 is background and object (argmax), K = 1 a sigmoid with a threshold.

    Args:
        in_channels (int, optional): C of Y; None for a head that does not read it.
        num_classes (int): K, 1 or 2. Defaults to 2.
        loss_decode (dict | list[dict]): Losses of mmseg or ours. Defaults to cross entropy.
        align_corners (bool): Of the upsampling of the logits. Defaults to False.
        ignore_index (int): Pixels of this target count nowhere. Defaults to 255.
        sub_pixel (dict, optional): ``channels`` and ``scale`` of a :class:`SubPixel` that makes Y finer before the head
            reads it, for maps so small that a cell of Y is large beside an object. Defaults to None, Y as it comes.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Attributes:
        channels (int | None): C of what :attr:`finer` makes of Y, which the layers of a head read.

    Raises:
        ValueError: ``num_classes`` is neither 1 nor 2, or ``sub_pixel`` is for a head that does not take it.
    """

    #: Whether the head reads :attr:`finer` of Y.
    takes_sub_pixel = False

    def __init__(self,
                 in_channels: Optional[int],
                 num_classes: int = 2,
                 loss_decode: Union[dict, List[dict], None] = None,
                 align_corners: bool = False,
                 ignore_index: int = 255,
                 sub_pixel: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if num_classes not in (1, 2):
            raise ValueError(f'{type(self).__name__}: num_classes is {num_classes}, expected 2 '
                             '(background and object) or 1 (sigmoid)')
        if sub_pixel is not None and not self.takes_sub_pixel:
            raise ValueError(f'{type(self).__name__} takes no sub_pixel (MaskHead, SADLRHead and CGAHead do)')
        self.in_channels = in_channels
        self.channels = in_channels if sub_pixel is None else sub_pixel['channels']
        self.finer = nn.Identity() if sub_pixel is None else SubPixel(in_channels, **sub_pixel)
        self.num_classes = num_classes
        self.align_corners = align_corners
        self.ignore_index = ignore_index
        loss_decode = loss_decode or dict(type='RefCrossEntropyLoss')
        losses = [loss_decode] if isinstance(loss_decode, dict) else loss_decode
        self.loss_decode = nn.ModuleList(MODELS.build(loss) for loss in losses)

    #: Whether it also says if there is an object at all: then it has ``predict_with_existence``, which returns the
    #: logits of :meth:`predict` and log-odds (N,) that there is one.
    gives_existence = False

    @abstractmethod
    def forward(self, decoded: Tensor, features: MultiModalFeatures) -> Tensor:
        """Y (N, C, h, w) and the fused features -> logits (N, K, h, w)."""

    def predict(self, decoded: Tensor, features: MultiModalFeatures) -> Tensor:
        """The logits that make the prediction, (N, K, h, w); :meth:`forward` unless overridden."""
        return self(decoded, features)

    def loss(self, decoded: Tensor, features: MultiModalFeatures,
             target: Tensor) -> Dict[str, Tensor]:
        """The losses.

        Args:
            decoded (Tensor): Y, (N, C, h, w).
            features (MultiModalFeatures): What fusion made.
            target (Tensor): (N, H, W), 1 = object, 0 = background, ``ignore_index`` = neither; in floating point a
                soft target, the probability of the object.

        Returns:
            dict: A scalar for each loss, by its name; names with ``loss`` are summed by mmengine.
        """
        return self.loss_and_logits(decoded, features, target)[0]

    def loss_and_logits(self, decoded: Tensor, features: MultiModalFeatures,
                        target: Tensor) -> Tuple[Dict[str, Tensor], Tensor]:
        """The losses, and the logits (N, K, h, w) of the prediction that they were taken of.

        A head of more than one mask overrides this, not :meth:`loss`; arguments as there. Wherever a loss reads the
        target it takes a soft one as well.
        """
        logits = self(decoded, features)
        return self.mask_losses(logits, target), logits

    def soft_target(self, logits: Tensor, target: Tensor) -> Tensor:
        """Logits (N, K, h, w) as a target at the size of another (N, H, W): probabilities, without a gradient.

        They are upsampled as for the losses; what ``target`` ignores stays ignored.
        """
        logits = at_least_float32(logits.detach())
        logits = F.interpolate(logits, size=target.shape[1:], mode='bilinear', align_corners=self.align_corners)
        probability = logits[:, 0].sigmoid() if self.num_classes == 1 else logits.softmax(dim=1)[:, 1]
        return probability.masked_fill(target == self.ignore_index, self.ignore_index)

    def mask_losses(self, logits: Tensor, target: Tensor) -> Dict[str, Tensor]:
        """Logits (N, K, h, w), upsampled to the target's (N, H, W) -> the losses by name."""
        logits = F.interpolate(
            logits, size=target.shape[1:], mode='bilinear', align_corners=self.align_corners)
        losses = {}
        for loss in self.loss_decode:
            value = loss(logits, target, ignore_index=self.ignore_index)
            losses[loss.loss_name] = losses.get(loss.loss_name, 0) + value
        return losses
