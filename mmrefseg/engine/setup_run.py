"""From the command line's arguments to a config that the runner takes, shared by the tools."""

import os
from typing import Optional

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log

from mmrefseg.utils import find_config
from mmrefseg.utils.processes import leave

from .config_options import apply_options
from .lost_process import set_timeout, timeout_of
from .restart import join_processes
from .work_dir import default_work_dir


def load_config(path: str,
                cfg_options: Optional[dict] = None,
                work_dir: Optional[str] = None,
                launcher: str = 'none') -> Config:
    """Read a config, override it and settle its work dir: argument, then the config's own, then its path.

    Args:
        path (str): The config file, or its name: see :func:`~mmrefseg.utils.find_config`.
        cfg_options (dict, optional): Overrides, dotted keys; ``input_size`` sets that of pipelines and model.
        work_dir (str, optional): Where logs and checkpoints go.
        launcher (str): 'none', 'pytorch', 'slurm' or 'mpi'.

    Returns:
        Config: Ready for :func:`prepare_cpu_run` and the runner.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no config, or nothing reads one of the overrides.
    """
    path = find_config(path)
    cfg = read_config(path)
    cfg.launcher = launcher
    apply_options(cfg, cfg_options or {})
    if work_dir is not None:
        cfg.work_dir = work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = default_work_dir(path)
    return cfg


def read_config(path: str) -> Config:
    """Read a config file.

    Args:
        path (str): The file, or its name: see :func:`~mmrefseg.utils.find_config`.

    Raises:
        FileNotFoundError: There is none.
        ValueError: Several have that name, or it cannot be read as a config; the message names the file.
    """
    path = find_config(path)
    try:
        return Config.fromfile(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # it is Python: anything may go wrong in it
        raise ValueError(f'{path} cannot be read as a config: {type(error).__name__}: {error}') from error


def add_run_record(cfg: Config) -> None:
    """Let :class:`~mmrefseg.engine.RunRecordHook` write, unless the config says something about it."""
    cfg.default_hooks = dict(cfg.get('default_hooks') or {})
    cfg.default_hooks.setdefault('run_record', dict(type='mmrefseg.RunRecordHook'))


def add_console(cfg: Config) -> None:
    """Let :class:`~mmrefseg.engine.ConsoleHook` speak, unless the config says something about it."""
    cfg.default_hooks = dict(cfg.get('default_hooks') or {})
    cfg.default_hooks.setdefault('console', dict(type='mmrefseg.ConsoleHook'))


def add_checkpoint_care(cfg: Config, allow_partial: bool = False) -> None:
    """Let hooks check what is loaded, write safely and stop at losses that are no numbers.

    A config may set their options.

    Args:
        cfg (Config): Gets :class:`~mmrefseg.engine.CheckpointFitHook` and :class:`~mmrefseg.engine.FiniteLossHook` as
            ``default_hooks.checkpoint_fit`` and ``default_hooks.finite_loss``, and our
            :class:`~mmrefseg.engine.CheckpointHook` in the place of mmengine's.
        allow_partial (bool): Whether a test may take weights that do not all fit. Defaults to False.
    """
    hooks = dict(cfg.get('default_hooks') or {})
    for name, kind in (('checkpoint_fit', 'CheckpointFitHook'), ('finite_loss', 'FiniteLossHook')):
        hooks[name] = dict(dict(type=f'mmrefseg.{kind}'), **(hooks.get(name) or {}))
    saving = hooks.setdefault('checkpoint', dict(type='CheckpointHook', interval=1))
    if saving and saving.get('type') == 'CheckpointHook':  # mmengine's, where the default scope is another's
        hooks['checkpoint'] = dict(saving, type='mmrefseg.CheckpointHook')
    if allow_partial:
        hooks['checkpoint_fit']['allow_partial'] = True
    cfg.default_hooks = hooks


def add_train_loop(cfg: Config) -> None:
    """Let the epochs of a training be left and begun in their middle, in the place of mmengine's loop.

    Args:
        cfg (Config): Its ``train_cfg`` gets our :class:`~mmrefseg.engine.EpochBasedTrainLoop`; another loop stays.
    """
    loop = dict(cfg.train_cfg)
    if loop.get('type') == 'EpochBasedTrainLoop' or ('type' not in loop and loop.get('by_epoch')):
        loop.pop('by_epoch', None)
        cfg.train_cfg = dict(loop, type='mmrefseg.EpochBasedTrainLoop')


def enable_amp(cfg: Config) -> None:
    """Train and validate in mixed precision: float16 with loss scaling on CUDA, bfloat16 on a CPU.

    Args:
        cfg (Config): Its ``optim_wrapper`` becomes one of mixed precision; mmengine's ``ValLoop``, where it has one,
            validates under autocast unless ``val_cfg.fp16`` says otherwise.

    Raises:
        ValueError: The config's optimizer wrapper is one that this cannot replace.
    """
    validation = cfg.get('val_cfg')
    if validation is not None and validation.get('type', 'ValLoop') == 'ValLoop':
        cfg.val_cfg = dict(dict(fp16=True), **validation)
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind in ('AmpOptimWrapper', 'BFloat16OptimWrapper'):
        return
    if kind != 'OptimWrapper':
        raise ValueError(f"--amp takes the place of optim_wrapper.type 'OptimWrapper', found {kind!r}")
    on_cpu = get_device() == 'cpu'
    cfg.optim_wrapper.type = 'BFloat16OptimWrapper' if on_cpu else 'AmpOptimWrapper'


def prepare_cpu_run(cfg: Config) -> None:
    """Make a distributed run work where there is no GPU; elsewhere only settle how long its processes wait.

    mmengine 0.10.7 sets a CUDA device for every launcher and hands its number to DDP, so the process
    group is made here, with gloo, and DDP is told that there are no devices. SyncBN exists on GPUs
    alone and becomes BN, whose statistics are those of each process.
    """
    if cfg.launcher == 'none':
        return
    set_timeout(cfg)
    if get_device() != 'cpu':
        return
    if cfg.launcher != 'pytorch':
        raise ValueError(f"--launcher {cfg.launcher} needs GPUs; without any use dist_train.sh "
                         "(--launcher pytorch)")
    join_processes('gloo', timeout_of(cfg))
    # torchrun gives each process one thread unless told otherwise: share the cores instead.
    if os.environ.get('OMP_NUM_THREADS', '1') == '1':
        cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
        torch.set_num_threads(max(1, cores // int(os.environ.get('LOCAL_WORLD_SIZE', 1))))
    options = dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False))
    cfg.model_wrapper_cfg = dict(options, **dict(cfg.get('model_wrapper_cfg') or {}, device_ids=None))
    if _replace_sync_bn(cfg.model):
        print_log('No GPU: SyncBN became BN, with the statistics of each process.', 'current')


def finish_run() -> None:
    """Leave the process group together: with gloo a process whose peer is gone already may abort at exit."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        leave()


def _replace_sync_bn(node) -> int:
    """SyncBN -> BN in all of a config, in place; returns how many there were."""
    if isinstance(node, (list, tuple)):
        return sum(_replace_sync_bn(item) for item in node)
    if not isinstance(node, dict):
        return 0
    found = int(node.get('type') == 'SyncBN')
    if found:
        node['type'] = 'BN'
    return found + sum(_replace_sync_bn(value) for value in node.values())
