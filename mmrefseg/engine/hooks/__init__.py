"""Hooks for mmengine's runner."""

from .epoch_seed_hook import EpochSeedHook
from .half_precision_hook import HalfPrecisionHook
from .ref_visualization_hook import RefVisualizationHook
from .run_record_hook import RunRecordHook

__all__ = ['EpochSeedHook', 'HalfPrecisionHook', 'RefVisualizationHook', 'RunRecordHook']
