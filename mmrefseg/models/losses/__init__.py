"""Losses that mmseg lacks."""

from .ref_cross_entropy_loss import RefCrossEntropyLoss
from .ref_dice_loss import RefDiceLoss

__all__ = ['RefCrossEntropyLoss', 'RefDiceLoss']
