"""Distributed runs of which a process dies or hangs: how long the others wait, and what they say."""

import datetime
import numbers
import os
from contextlib import contextmanager
from typing import Iterator

import torch
from mmengine.config import Config

#: Seconds that a process waits for another one, unless ``env_cfg.dist_cfg.timeout`` says otherwise; PyTorch's are 1800.
TIMEOUT = 600


class LostProcessError(RuntimeError):
    """Another process of a distributed run has died or hangs; the message says what to do."""


def set_timeout(cfg: Config) -> None:
    """Settle how long the processes of a distributed run wait for one that does not answer.

    Args:
        cfg (Config): Gets ``env_cfg.dist_cfg.timeout``, in seconds, where it says none.

    Raises:
        ValueError: It says one that is no positive number.
    """
    environment = dict(cfg.get('env_cfg') or {})
    environment['dist_cfg'] = dict(dict(timeout=TIMEOUT), **(environment.get('dist_cfg') or {}))
    cfg.env_cfg = environment
    timeout = cfg.env_cfg.dist_cfg.timeout
    if not isinstance(timeout, numbers.Real) or isinstance(timeout, bool) or not timeout > 0:
        raise ValueError(f'env_cfg.dist_cfg.timeout is {timeout!r}, expected seconds, a number above 0')


def timeout_of(cfg: Config) -> datetime.timedelta:
    """The time that :func:`set_timeout` settled."""
    return datetime.timedelta(seconds=float(cfg.env_cfg.dist_cfg.timeout))


@contextmanager
def other_processes(cfg: Config) -> Iterator[None]:
    """Say in words that another process was lost, where gloo or NCCL would say it in theirs.

    Args:
        cfg (Config): Of the run inside, behind :func:`set_timeout`.

    Raises:
        LostProcessError: One was lost inside.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_of_lost_process(error):
            raise
        raise LostProcessError(_in_words(error, cfg)) from error


def is_of_lost_process(error: BaseException) -> bool:
    """Whether an error is a collective's whose other side is gone, or did not answer in time."""
    if isinstance(error, torch.distributed.DistError):
        return True
    return isinstance(error, RuntimeError) and 'gloo/' in str(error)


def _in_words(error: RuntimeError, cfg: Config) -> str:
    rank, size = os.environ.get('RANK', os.environ.get('SLURM_PROCID', '0')), os.environ.get('WORLD_SIZE')
    said = str(error).strip().splitlines()[0]
    waited = f'did not answer for {cfg.env_cfg.dist_cfg.timeout:g} s (env_cfg.dist_cfg.timeout): it hangs, or is slower'
    lost = waited if 'timed out' in said.lower() else 'has ended'
    return (f'process {rank}{f" of {size}" if size else ""} stops: another process of this run {lost}. Its own output '
            f'says why. Checkpoints are in {cfg.get("work_dir")}: a training goes on from the last one with --resume, '
            f'and by itself under  torchrun --max-restarts N  ({said})')
