"""Losses of mmseg's heads, without the gathers of its accuracy."""

from typing import Dict, List, Sequence

import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from torch import Tensor, nn


def mmseg_losses(head: BaseDecodeHead, maps: List[Tensor], target: Tensor, train_cfg: dict) -> Dict[str, Tensor]:
    """The losses of a head of mmseg, and its ``acc_seg``, as ``head.loss`` gives them.

    mmseg counts the accuracy by ``topk`` and by gathering the pixels that count, which takes a twelfth of a training
    step of nano LAVT with three ``FCNHead`` on a CPU and waits for the device on a GPU. A plain head of two classes is
    counted by comparisons; one with losses of its own, a pixel sampler or another number of logits is left to mmseg.

    Args:
        head (BaseDecodeHead): Of mmseg.
        maps (list[Tensor]): That it reads, (N, C, h, w) each.
        target (Tensor): (N, H, W), 1 = object, 0 = background, ``head.ignore_index`` = neither.
        train_cfg (dict, optional): Handed to the head.

    Returns:
        dict: A scalar for each loss, by its name; ``acc_seg`` (1,), percent.
    """
    if not _is_plain(head):
        # mmseg's heads want one sample a row of the batch, and here a row is an expression.
        samples = [SegDataSample(gt_sem_seg=PixelData(data=mask[None])) for mask in target]
        return head.loss(maps, samples, train_cfg)
    logits = resize(head.forward(maps), size=target.shape[1:], mode='bilinear', align_corners=head.align_corners)
    losses = {}
    for loss in _losses_of(head):
        value = loss(logits, target, weight=None, ignore_index=head.ignore_index)
        losses[loss.loss_name] = losses.get(loss.loss_name, 0) + value
    losses['acc_seg'] = _accuracy(logits, target, head.ignore_index)
    return losses


def _is_plain(head: BaseDecodeHead) -> bool:
    """Whether a head's losses are the base class' of two classes."""
    kind = type(head)
    return (kind.loss is BaseDecodeHead.loss and kind.loss_by_feat is BaseDecodeHead.loss_by_feat
            and head.sampler is None and head.out_channels == 2)


def _losses_of(head: BaseDecodeHead) -> Sequence[nn.Module]:
    return head.loss_decode if isinstance(head.loss_decode, nn.ModuleList) else [head.loss_decode]


def _accuracy(logits: Tensor, target: Tensor, ignore_index: int) -> Tensor:
    """Logits (N, 2, H, W), target (N, H, W) -> (1,), percentage of the counted pixels that are right; of none, 100."""
    counted = target != ignore_index
    right = ((logits[:, 1] > logits[:, 0]) == target) & counted
    eps = torch.finfo(torch.float32).eps
    return (100 * (right.sum() + eps) / (counted.sum() + eps)).reshape(1)
