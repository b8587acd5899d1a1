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

    ``L_loc = BCE(sigmoid(H_mask), y)``, lambda = 0.1 of Eq. 13 is its weight. Eqs. 11 and 12 are sums, L_seg over
    H/4 W/4 pixels and L_loc over a quarter as many. L_seg being a mean here (:class:`LTSMaskHead`), the whole of
    Eq. 13 is divided by H/4 W/4, so that a mean over the heatmap counts ``0.1 / 4``. The paper does not say how the
    mask is down-sampled: here a cell takes the pixel at its centre. The head has no parameters and does not read Y.

    Args:
        loss_decode (dict | list[dict], optional): Losses of one sigmoid channel. Defaults to the binary cross entropy
            ``dict(type='RefCrossEntropyLoss', loss_weight=0.1, loss_name='loss_locate')``.
        ignore_index (int): Pixels of this target count nowhere. Defaults to 255.
        reduction (str): ``'sum'``, the equations as they stand; ``'mean'``, where the mean over the heatmap counts
            lambda whatever its size: four times as much at stride 8, and what is left where L_seg is no cross entropy
            over pixels. Defaults to ``'sum'``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: ``reduction`` is another; in ``forward``, fusion gives no prior.
    """

    def __init__(self,
                 loss_decode: Union[dict, List[dict], None] = None,
                 ignore_index: int = 255,
                 reduction: str = 'sum',
                 init_cfg: Optional[dict] = None) -> None:
        loss_decode = loss_decode or dict(type='RefCrossEntropyLoss', loss_weight=0.1, loss_name='loss_locate')
        super().__init__(
            in_channels=None, num_classes=1, loss_decode=loss_decode, ignore_index=ignore_index, init_cfg=init_cfg)
        if reduction not in ('sum', 'mean'):
            raise ValueError(f"auxiliary_head.reduction of LocateHead is {reduction!r}, expected 'sum' or 'mean'")
        self.reduction = reduction
        self.reads = Reads(prior=True)

    def forward(self, decoded: Tensor, features: MultiModalFeatures) -> Tensor:
        """The prior H_mask, (N, 1, h, w) logits."""
        if features.prior is None:
            raise ValueError('model.auxiliary_head LocateHead needs a prior, but model.fusion gives none: set '
                             'fusion.locator of LTSFusion or CMPCFusion')
        return features.prior

    def mask_losses(self, logits: Tensor, target: Tensor) -> Dict[str, Tensor]:
        """Logits (N, 1, h, w) against the target (N, H, W) brought to their size -> the losses by name."""
        losses = super().mask_losses(logits, downsample_target(target, logits.shape[2:]))
        if self.reduction == 'mean':
            return losses
        # Pixels of the heatmap to those of L_seg, H/4 W/4.
        share = 16 * logits.shape[2:].numel() / target.shape[1:].numel()
        return {name: share * loss for name, loss in losses.items()}
