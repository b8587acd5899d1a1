"""LTS' locating loss (LTS, CVPR 2021, §3.4)."""

from typing import Dict, List, Optional, Union

from torch import Tensor

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads

from ..utils import downsample_target
from .base_ref_head import BaseRefHead


@MODELS.register_module()
class LocateHead(BaseRefHead):
    """Supervises the heatmap H_mask at its own size with the down-sampled mask (Eq. 12); for ``auxiliary_head``.

    ``L_loc = BCE(sigmoid(H_mask), y)``, lambda = 0.1 of Eq. 13 is its weight. The paper writes L_seg and L_loc as sums
    over pixels; here both are means, as the weights of losses are usually meant. It does not say how the mask is
    down-sampled: here a cell takes the pixel at its centre. The head has no parameters and does not read Y.

    Args:
        loss_decode (dict | list[dict], optional): Losses of one sigmoid channel. Defaults to the binary cross entropy
            ``dict(type='RefCrossEntropyLoss', loss_weight=0.1, loss_name='loss_locate')``.
        ignore_index (int): Pixels of this target count nowhere. Defaults to 255.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: In ``forward``, fusion gives no prior.
    """

    def __init__(self,
                 loss_decode: Union[dict, List[dict], None] = None,
                 ignore_index: int = 255,
                 init_cfg: Optional[dict] = None) -> None:
        loss_decode = loss_decode or dict(type='RefCrossEntropyLoss', loss_weight=0.1, loss_name='loss_locate')
        super().__init__(
            in_channels=None, num_classes=1, loss_decode=loss_decode, ignore_index=ignore_index, init_cfg=init_cfg)
        self.reads = Reads(prior=True)

    def forward(self, decoded: Tensor, features: MultiModalFeatures) -> Tensor:
        """The prior H_mask, (N, 1, h, w) logits."""
        if features.prior is None:
            raise ValueError('model.auxiliary_head LocateHead needs a prior, but model.fusion gives none: set '
                             'fusion.locator of LTSFusion')
        return features.prior

    def mask_losses(self, logits: Tensor, target: Tensor) -> Dict[str, Tensor]:
        """Logits (N, 1, h, w) against the target (N, H, W) brought to their size -> the losses by name."""
        return super().mask_losses(logits, downsample_target(target, logits.shape[2:]))
