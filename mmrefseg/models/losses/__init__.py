"""Losses that mmseg lacks."""

from .class_shares import class_shares
from .ref_cross_entropy_loss import RefCrossEntropyLoss
from .ref_dice_loss import RefDiceLoss

__all__ = ['RefCrossEntropyLoss', 'RefDiceLoss', 'class_shares']
