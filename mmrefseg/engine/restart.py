"""Trainings that torchrun starts again after one of their processes has died."""

import os
from datetime import timedelta
from pathlib import Path

import torch
from mmengine.config import Config

from mmrefseg.checkpoints import find_latest_checkpoint

#: Set by torchrun: how often it has started these processes again.
RESTARTS = 'TORCHELASTIC_RESTART_COUNT'


def resume_after_restart(cfg: Config) -> bool:
    """Let a training that ``torchrun --max-restarts`` has started again go on from its own last checkpoint.

    Where there is none yet it begins as it was told to at first.

    Args:
        cfg (Config): With ``work_dir``; ``resume`` and ``load_from`` become those of a training that goes on.

    Returns:
        bool: Whether it goes on.
    """
    if int(os.environ.get(RESTARTS) or 0) == 0 or not any(Path(cfg.work_dir).glob('*.pth')):
        return False
    if find_latest_checkpoint(cfg.work_dir) is None:
        return False
    cfg.resume, cfg.load_from = True, None
    return True


def join_processes(backend: str, timeout: timedelta) -> None:
    """Make the process group of processes that torchrun has started; leave one that there is.

    Under torchrun's static rendezvous (its default, and ``--master-port``) the processes of every start find the
    addresses of the first one, which are gone: here each start has addresses of its own. ``--rdzv-backend c10d`` does
    so for all backends.

    Args:
        backend (str): 'gloo', for example.
        timeout (timedelta): How long a process waits for another.
    """
    if torch.distributed.is_initialized():
        return
    store, rank, size = next(torch.distributed.rendezvous('env://', timeout=timeout))
    store = torch.distributed.PrefixStore(f'start_{os.environ.get(RESTARTS) or 0}', store)
    torch.distributed.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=timeout)
