"""Modules that join the maps of an image with an expression."""

from .pwam import PWAM
from .pwam_fusion import PWAMFusion

__all__ = ['PWAM', 'PWAMFusion']
