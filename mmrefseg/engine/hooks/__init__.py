"""Hooks for mmengine's runner."""

from .epoch_seed_hook import EpochSeedHook
from .half_precision_hook import HalfPrecisionHook
from .ref_visualization_hook import RefVisualizationHook

__all__ = ['EpochSeedHook', 'HalfPrecisionHook', 'RefVisualizationHook']
