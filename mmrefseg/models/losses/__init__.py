"""Losses that mmseg lacks."""

from .ref_dice_loss import RefDiceLoss

__all__ = ['RefDiceLoss']
