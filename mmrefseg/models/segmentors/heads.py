"""One way to call a head, be it ours or mmseg's."""

from typing import Dict, Optional, Tuple

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor
from torch.nn import Module

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures

from ..decode_heads import BaseRefHead
from .mmseg_losses import mmseg_losses

__all__ = [
    'BaseDecodeHead', 'BaseRefHead', 'build_head', 'gives_existence', 'head_answers', 'head_logits',
    'head_loss', 'head_loss_and_logits', 'learns_from_soft_targets'
]


def build_head(config: dict) -> Module:
    """Build a head.

    One of mmseg with two classes and no ``out_channels`` has two logits, as mmseg does it; said here, since mmseg warns
    where nothing is said.

    Args:
        config (dict): Of a head of ours or mmseg's.

    Returns:
        Module: The head.
    """
    kind = config.get('type')
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    is_mmsegs = isinstance(kind, type) and issubclass(kind, BaseDecodeHead)
    if is_mmsegs and config.get('num_classes') == 2 and 'out_channels' not in config:
        config = dict(config, out_channels=2)
    return MODELS.build(config)


def head_logits(head, decoded: Optional[Tensor], features: MultiModalFeatures) -> Tensor:
    """The logits of a head.

    Args:
        head (BaseRefHead | BaseDecodeHead): Ours takes Y and the features; mmseg's takes maps: Y alone
            where there is a decoder, else all fused levels (``in_index`` chooses).
        decoded (Tensor, optional): Y, (N, C, h, w).
        features (MultiModalFeatures): What fusion made.

    Returns:
        Tensor: (N, K, h, w).
    """
    if isinstance(head, BaseDecodeHead):
        return head(_mmseg_inputs(decoded, features))
    return head.predict(decoded, features)


def gives_existence(head) -> bool:
    """Whether a head says by itself if there is an object at all."""
    return getattr(head, 'gives_existence', False)


def head_answers(head, decoded: Optional[Tensor], features: MultiModalFeatures) -> Tuple[Tensor, Optional[Tensor]]:
    """The logits of a head as :func:`head_logits`, and its log-odds (N,) that there is an object, if it gives them."""
    if gives_existence(head):
        return head.predict_with_existence(decoded, features)
    return head_logits(head, decoded, features), None


def head_loss(head, decoded: Optional[Tensor], features: MultiModalFeatures, target: Tensor,
              train_cfg: Optional[dict]) -> Dict[str, Tensor]:
    """The losses of a head by name; ``target`` is (N, H, W), the rest as :func:`head_logits`."""
    if isinstance(head, BaseDecodeHead):
        return mmseg_losses(head, _mmseg_inputs(decoded, features), target, train_cfg)
    return head.loss(decoded, features, target)


def learns_from_soft_targets(head) -> bool:
    """Whether a head that predicts can learn from a soft target, and says of what: its losses are the base class'."""
    return isinstance(head, BaseRefHead) and type(head).loss is BaseRefHead.loss


def head_loss_and_logits(head, decoded: Optional[Tensor], features: MultiModalFeatures, target: Tensor,
                         train_cfg: Optional[dict]) -> Tuple[Dict[str, Tensor], Optional[Tensor]]:
    """The losses of a head, and the logits that they are of, or None where the head keeps them to itself."""
    if learns_from_soft_targets(head):
        return head.loss_and_logits(decoded, features, target)
    return head_loss(head, decoded, features, target, train_cfg), None


def _mmseg_inputs(decoded: Optional[Tensor], features: MultiModalFeatures) -> list:
    return list(features.maps) if decoded is None else [decoded]
