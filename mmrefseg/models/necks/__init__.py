"""Necks: from fused maps to other maps, without words."""

from .deformable_neck import DeformableNeck

__all__ = ['DeformableNeck']
