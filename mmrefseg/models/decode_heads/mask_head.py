"""The plain head: a 1x1 classifier on Y."""

from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures

from .base_ref_head import BaseRefHead


@MODELS.register_module()
class MaskHead(BaseRefHead):
    """A 1x1 convolution from Y to background and object, the last layer of LAVT, VLT, S2RM, ….

    Args:
        in_channels (int): C of Y.
        **kwargs: As :class:`BaseRefHead`: ``num_classes``, ``loss_decode``, ``align_corners``, ….
    """

    def __init__(self, in_channels: int, **kwargs) -> None:
        super().__init__(in_channels, **kwargs)
        self.classifier = nn.Conv2d(in_channels, self.num_classes, 1)

    def forward(self, decoded: Tensor, features: MultiModalFeatures) -> Tensor:
        """Y (N, C, h, w) -> logits (N, K, h, w)."""
        return self.classifier(decoded)
