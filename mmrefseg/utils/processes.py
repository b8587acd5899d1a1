"""Processes of torchrun and of slurm that share a task, and how they meet."""

import ctypes
import os
import subprocess
from contextlib import contextmanager
from datetime import timedelta
from typing import Callable, Iterator, List, Optional, TypeVar

import torch
from mmengine.dist import all_gather_object, broadcast_object_list, get_rank, is_main_process
from packaging.version import Version
from torch import distributed

T = TypeVar('T')
LAUNCHERS = ('none', 'pytorch', 'slurm')
#: Until the slowest is done: one that dies is noticed at once, by its closed connection.
WAIT = timedelta(days=7)


def default_launcher() -> str:
    """str: 'pytorch' below torchrun, else 'none'."""
    return 'pytorch' if 'TORCHELASTIC_RUN_ID' in os.environ else 'none'


@contextmanager
def joined(launcher: str) -> Iterator[int]:
    """Join the other processes of this start, on the CPU; leave them at the end.

    Args:
        launcher (str): 'none': there are no others; 'pytorch': torchrun, which says all; 'slurm': srun, whose first
            node is the meeting place, at ``MASTER_PORT`` (29500).

    Yields:
        int: This process' number on its machine.

    Raises:
        ValueError: The launcher's variables are not set.
    """
    if launcher == 'none':
        yield 0
        return
    if launcher == 'slurm':
        _take_slurm_variables()
    missing = [name for name in ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT') if name not in os.environ]
    if missing:
        raise ValueError(f'--launcher {launcher}: the environment has no {", ".join(missing)}, which '
                         f'{"torchrun" if launcher == "pytorch" else "srun"} sets')
    distributed.init_process_group('gloo', timeout=WAIT)
    try:
        yield int(os.environ.get('LOCAL_RANK', 0))
    finally:
        leave()


def leave() -> None:
    """Leave the other processes.

    torch before 2.8 waits for gloo's threads while it holds the interpreter's lock, for which they may wait in turn:
    there what holds them is kept until the process ends.
    """
    group = distributed.group.WORLD
    distributed.destroy_process_group()
    if Version(torch.__version__) < Version('2.8'):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(group))


def _take_slurm_variables() -> None:
    """Set torchrun's variables by srun's."""
    names = dict(RANK='SLURM_PROCID', WORLD_SIZE='SLURM_NTASKS', LOCAL_RANK='SLURM_LOCALID')
    missing = [name for name in (*names.values(), 'SLURM_NODELIST') if name not in os.environ]
    if missing:
        raise ValueError(f'--launcher slurm: the environment has no {", ".join(missing)}, which srun sets')
    os.environ.update({name: os.environ[slurm] for name, slurm in names.items()})
    if 'MASTER_ADDR' not in os.environ:
        hosts = subprocess.run(['scontrol', 'show', 'hostnames', os.environ['SLURM_NODELIST']], check=True,
                               stdout=subprocess.PIPE, text=True)
        os.environ['MASTER_ADDR'] = hosts.stdout.split()[0]
    os.environ.setdefault('MASTER_PORT', '29500')


def from_main(call: Callable[[], T]) -> T:
    """Call something in the main process and hand what it gives to all.

    Args:
        call (Callable): Without arguments; what it gives can be pickled.

    Returns:
        What it gave, in every process.

    Raises:
        Exception: That of the call, in the main process.
        RuntimeError: In the others, if it failed.
    """
    found, failure = None, None
    if is_main_process():
        try:
            found = call()
        except Exception as error:
            failure = error
    message: List[Optional[object]] = [found, None if failure is None else repr(failure)]
    broadcast_object_list(message)
    if failure is not None:
        raise failure
    if message[1] is not None:
        raise RuntimeError(f'process {get_rank()}: the main process failed: {message[1]}')
    return message[0]


def of_all(value: T) -> List[T]:
    """list: The values of all processes, when the last of them has come here."""
    return all_gather_object(value)
