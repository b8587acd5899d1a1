"""What a training or test run needs beside mmengine's runner."""

from .arguments import add_run_arguments
from .bfloat16_optim_wrapper import BFloat16OptimWrapper
from .cpu_memory import keep_freed_memory
from .half_precision import use_half_precision
from .hooks import EpochSeedHook, HalfPrecisionHook, RefVisualizationHook
from .setup_run import enable_amp, finish_run, load_config, prepare_cpu_run
from .without_pretrained import without_pretrained

__all__ = [
    'BFloat16OptimWrapper', 'EpochSeedHook', 'HalfPrecisionHook', 'RefVisualizationHook', 'add_run_arguments',
    'enable_amp', 'finish_run', 'keep_freed_memory', 'load_config', 'prepare_cpu_run', 'use_half_precision',
    'without_pretrained'
]
