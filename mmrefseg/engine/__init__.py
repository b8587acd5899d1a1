"""Training and test runs beside mmengine's runner: arguments, set-up, precision, hooks."""

from .arguments import add_config_options, add_run_arguments, parse_run_arguments
from .batch_size import check_batch, count_accumulation
from .bfloat16_optim_wrapper import BFloat16OptimWrapper
from .config_keys import TESTING, TRAINING, check_config
from .config_options import apply_options
from .deterministic import make_deterministic
from .epoch_based_train_loop import EpochBasedTrainLoop
from .half_precision import use_half_precision
from .hooks import (
    CheckpointFitHook,
    CheckpointHook,
    ConsoleHook,
    EpochSeedHook,
    FiniteLossHook,
    HalfPrecisionHook,
    RefVisualizationHook,
    RunRecordHook,
)
from .hooks.run_record_hook import add_results
from .lost_process import LostProcessError, is_of_lost_process, other_processes, set_timeout
from .ref_runner import RefRunner
from .release_poly_lr import ReleasePolyLR
from .restart import resume_after_restart
from .setup_run import (
    add_checkpoint_care,
    add_console,
    add_run_record,
    add_train_loop,
    enable_amp,
    finish_run,
    load_config,
    prepare_cpu_run,
    read_config,
)
from .work_dir import claim_work_dir, default_work_dir

__all__ = [
    'BFloat16OptimWrapper', 'CheckpointFitHook', 'CheckpointHook', 'ConsoleHook', 'EpochBasedTrainLoop',
    'EpochSeedHook', 'FiniteLossHook', 'HalfPrecisionHook', 'LostProcessError', 'RefRunner', 'RefVisualizationHook',
    'ReleasePolyLR', 'RunRecordHook', 'TESTING', 'TRAINING', 'add_checkpoint_care', 'add_config_options', 'add_console',
    'add_results', 'add_run_arguments', 'add_run_record', 'add_train_loop',
    'apply_options', 'check_batch', 'check_config', 'claim_work_dir', 'count_accumulation', 'default_work_dir',
    'enable_amp', 'finish_run', 'is_of_lost_process', 'load_config', 'make_deterministic', 'other_processes',
    'parse_run_arguments', 'prepare_cpu_run', 'read_config', 'resume_after_restart', 'set_timeout',
    'use_half_precision'
]
