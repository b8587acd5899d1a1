"""Training and test runs beside mmengine's runner: arguments, set-up, precision, hooks."""

from .arguments import add_run_arguments, parse_run_arguments
from .bfloat16_optim_wrapper import BFloat16OptimWrapper
from .deterministic import make_deterministic
from .half_precision import use_half_precision
from .hooks import EpochSeedHook, HalfPrecisionHook, RefVisualizationHook, RunRecordHook
from .hooks.run_record_hook import add_results
from .release_poly_lr import ReleasePolyLR
from .setup_run import add_run_record, enable_amp, finish_run, load_config, prepare_cpu_run

__all__ = [
    'BFloat16OptimWrapper', 'EpochSeedHook', 'HalfPrecisionHook', 'RefVisualizationHook', 'ReleasePolyLR',
    'RunRecordHook', 'add_results', 'add_run_arguments', 'add_run_record', 'enable_amp', 'finish_run', 'load_config',
    'make_deterministic', 'parse_run_arguments', 'prepare_cpu_run', 'use_half_precision'
]
