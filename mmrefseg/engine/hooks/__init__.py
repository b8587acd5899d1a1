"""Hooks for mmengine's runner."""

from .checkpoint_fit_hook import CheckpointFitHook
from .checkpoint_hook import CheckpointHook
from .console_hook import ConsoleHook
from .epoch_seed_hook import EpochSeedHook
from .finite_loss_hook import FiniteLossHook
from .half_precision_hook import HalfPrecisionHook
from .ref_visualization_hook import RefVisualizationHook
from .run_record_hook import RunRecordHook

__all__ = [
    'CheckpointFitHook', 'CheckpointHook', 'ConsoleHook', 'EpochSeedHook', 'FiniteLossHook',
    'HalfPrecisionHook', 'RefVisualizationHook', 'RunRecordHook'
]
