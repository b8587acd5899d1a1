"""Hooks for mmengine's runner."""

from .epoch_seed_hook import EpochSeedHook
from .ref_visualization_hook import RefVisualizationHook

__all__ = ['EpochSeedHook', 'RefVisualizationHook']
