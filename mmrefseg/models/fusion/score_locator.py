"""A fused map's own scores as the prior: where a method's coarse mask is refined."""

from typing import Optional

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import TextFeatures


@MODELS.register_module()
class ScoreLocator(BaseModule):
    """A 3x3 convolution from the fused map to one channel of logits, as CMPC's classifier; for ``fusion.locator``.

    "CMPC + Seg" (LTS, CVPR 2021, Table 3) puts LTS' segmentation module on CMPC. What takes H_mask's place there is
    not said: here CMPC's own score map, as LTS calls its heatmap "a coarse segmentation mask" (§3.2).

    Args:
        channels (int): C of the map.
        text_channels (int): C of the text, which is not read: the map knows the expression.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self, channels: int, text_channels: int, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.classifier = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, fused: Tensor, text: TextFeatures) -> Tensor:
        """The map (N, C, H, W) -> (N, 1, H, W) logits."""
        return self.classifier(fused)
