"""What a training or test run needs beside mmengine's runner."""

from .arguments import add_run_arguments, parse_run_arguments
from .bfloat16_optim_wrapper import BFloat16OptimWrapper
from .cpu_memory import keep_freed_memory
from .deterministic import make_deterministic
from .find_config import find_config, list_configs, package_files, zoo_entries
from .half_precision import use_half_precision
from .hooks import EpochSeedHook, HalfPrecisionHook, RefVisualizationHook, RunRecordHook
from .hooks.run_record_hook import add_results
from .safetensors_checkpoint import load_from_safetensors, read_meta, save_safetensors
from .setup_run import add_run_record, enable_amp, finish_run, load_config, prepare_cpu_run
from .without_pretrained import without_pretrained
from .write_text import write_text

__all__ = [
    'BFloat16OptimWrapper', 'EpochSeedHook', 'HalfPrecisionHook', 'RefVisualizationHook', 'RunRecordHook',
    'add_results', 'add_run_arguments', 'add_run_record', 'enable_amp', 'find_config', 'finish_run',
    'keep_freed_memory', 'list_configs', 'load_config', 'load_from_safetensors', 'make_deterministic', 'package_files',
    'parse_run_arguments', 'prepare_cpu_run', 'read_meta', 'save_safetensors', 'use_half_precision',
    'without_pretrained', 'write_text', 'zoo_entries'
]
