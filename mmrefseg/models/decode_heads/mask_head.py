"""The plain head: a classifier on Y."""

from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures

from .base_ref_head import BaseRefHead


@MODELS.register_module()
class MaskHead(BaseRefHead):
    """A 1x1 convolution from Y to background and object, the last layer of LAVT, VLT, S2RM, ….

    Args:
        in_channels (int): C of Y.
        kernel_size (int): Of the convolution, odd; CMPC's classifier has 3. Defaults to 1.
        **kwargs: As :class:`BaseRefHead`: ``num_classes``, ``loss_decode``, ``align_corners``, ….

    Raises:
        ValueError: ``kernel_size`` is even.
    """

    takes_sub_pixel = True

    def __init__(self, in_channels: int, kernel_size: int = 1, **kwargs) -> None:
        super().__init__(in_channels, **kwargs)
        if kernel_size % 2 == 0:
            raise ValueError(f'decode_head.kernel_size is {kernel_size}, expected an odd number')
        self.classifier = nn.Conv2d(self.channels, self.num_classes, kernel_size, padding=kernel_size // 2)

    def forward(self, decoded: Tensor, features: MultiModalFeatures) -> Tensor:
        """Y (N, C, h, w) -> logits (N, K, h, w), finer with ``sub_pixel``."""
        return self.classifier(self.finer(decoded))
