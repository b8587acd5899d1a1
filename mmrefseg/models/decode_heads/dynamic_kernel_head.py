"""CRIS' projector: the sentence is the classifier (CRIS, CVPR 2022, §3.4)."""

from typing import Dict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads

from ..utils import downsample_target
from .base_ref_head import BaseRefHead


@MODELS.register_module()
class DynamicKernelHead(BaseRefHead):
    """A kernel and a bias made of the sentence, convolved with Y.

    ``logits = conv(Y, K) + b`` with ``[K; b] = W s``, where K is k x k. With one class and the binary cross entropy of
    ``RefCrossEntropyLoss`` this is CRIS' text-to-pixel contrastive loss (Eq. 9 and 10): pixels of the object are pulled
    to the sentence, the others pushed away.

    The losses compare the logits, at their own size, with the mask brought to it, as released: a cell takes the pixel
    at its upper left corner.

    Args:
        in_channels (int): C of Y.
        text_channels (int): C of the sentence.
        kernel_size (int): k, odd. Defaults to 3.
        num_classes (int): Kernels. Defaults to 1: a sigmoid.
        **kwargs: As :class:`BaseRefHead`.

    Raises:
        ValueError: ``kernel_size`` is even or below 1.
    """

    def __init__(self, in_channels: int, text_channels: int, kernel_size: int = 3, num_classes: int = 1,
                 **kwargs) -> None:
        super().__init__(in_channels, num_classes=num_classes, **kwargs)
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f'decode_head.kernel_size is {kernel_size}, expected an odd number')
        self.kernel_size = kernel_size
        self.reads = Reads(sentence=text_channels, joins_text=True)
        self.kernel = nn.Linear(text_channels, num_classes * (in_channels * kernel_size**2 + 1))

    def forward(self, decoded: Tensor, features: MultiModalFeatures) -> Tensor:
        """Y (N, C, h, w) and the sentence (N, C_t) -> logits (N, K, h, w)."""
        # (N, K (C k² + 1)) -> (N, K, C k² + 1)
        made = self.kernel(features.text.sentence).unflatten(1, (self.num_classes, -1))
        kernel = made[..., :-1].unflatten(2, (self.in_channels, self.kernel_size, self.kernel_size))
        return convolve_each(decoded, kernel) + made[..., -1:, None]

    def mask_losses(self, logits: Tensor, target: Tensor) -> Dict[str, Tensor]:
        """Logits (N, K, h, w) against the target (N, H, W) brought to their size -> the losses by name."""
        return super().mask_losses(logits, downsample_target(target, logits.shape[2:], mode='nearest'))


def convolve_each(maps: Tensor, kernels: Tensor) -> Tensor:
    """Convolve each map with its own kernels, padded to keep its size.

    Few kernels read many channels: the products of every pixel with each kernel position are one batched product of
    matrices, and a position's products are then moved to where it reads and added up.

    Args:
        maps (Tensor): (N, C, H, W).
        kernels (Tensor): (N, K, C, k, k), k odd.

    Returns:
        Tensor: (N, K, H, W).
    """
    count, size = kernels.shape[1], kernels.shape[-1]
    height, width = maps.shape[2:]
    # (N, K, C, k, k) -> (N, K k k, C) @ (N, C, HW) -> (N, K, k k, H, W)
    products = kernels.permute(0, 1, 3, 4, 2).flatten(1, 3) @ maps.flatten(2)
    products = products.unflatten(2, (height, width)).unflatten(1, (count, size * size))
    margin = size // 2
    padded = F.pad(products, (margin, margin, margin, margin))
    return torch.stack([padded[:, :, row * size + column, row:row + height, column:column + width]
                        for row in range(size) for column in range(size)]).sum(0)
