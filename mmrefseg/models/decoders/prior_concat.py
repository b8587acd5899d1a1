"""F_m3 and the prior side by side: the decoder of LTS without its segmentation module (LTS, Table 2)."""

from typing import Optional

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads


@MODELS.register_module()
class PriorConcat(BaseModule):
    """``Y = concat(F_m3, H_mask)``, what Eq. 10 feeds to the segmentation module, as it is.

    With a :class:`MaskHead` behind it this is LTS without that module: a 1x1 convolution of F_m3 and the heatmap.

    Args:
        in_channels (int): C of F_m3.
        with_prior (bool): Whether fusion has a locator, so that there is H_mask. Defaults to True.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Attributes:
        out_channels (int): C of Y: that of F_m3, and 1 for H_mask.

    Raises:
        ValueError: In ``forward``, ``with_prior`` is not what fusion does.
    """

    def __init__(self, in_channels: int, with_prior: bool = True, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.with_prior = with_prior
        self.reads = Reads(last_map=in_channels, prior=with_prior)
        self.out_channels = in_channels + with_prior

    def forward(self, features: MultiModalFeatures) -> Tensor:
        """F_m3 (N, C, H, W) and H_mask (N, 1, H, W) -> Y (N, C + 1, H, W)."""
        if self.with_prior != (features.prior is not None):
            made = 'no prior' if features.prior is None else 'a prior'
            raise ValueError(f'model.decoder.with_prior is {self.with_prior}, but model.fusion gives {made}: it must '
                             'be True where fusion.locator is set, and only there')
        fused = features.maps[-1]
        return torch.cat([fused, features.prior], dim=1) if self.with_prior else fused
