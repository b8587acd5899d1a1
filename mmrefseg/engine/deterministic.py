"""Determinism beyond the seed."""

import os

from mmengine.config import Config
from mmengine.device import get_device


def make_deterministic(cfg: Config) -> None:
    """Let a run repeat bit by bit: same seed, machine and versions, one process.

    mmengine's ``randomness.deterministic`` makes torch take deterministic algorithms alone and stop at an operator
    that has none. Two things are missing there: cuBLAS repeats itself only with a workspace of fixed size, which must
    be set before CUDA starts, and cuDNN's search for the fastest kernel must be off.

    Args:
        cfg (Config): Changed in place; goes to the runner afterwards.

    Raises:
        ValueError: ``CUBLAS_WORKSPACE_CONFIG`` is set to a value with which cuBLAS does not repeat itself.
    """
    cfg.randomness = dict(cfg.get('randomness') or {}, deterministic=True)
    cfg.env_cfg = dict(cfg.get('env_cfg') or {}, cudnn_benchmark=False)
    workspace = os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    if workspace not in (':4096:8', ':16:8') and get_device() == 'cuda':
        raise ValueError(f"--deterministic needs CUBLAS_WORKSPACE_CONFIG ':4096:8' or ':16:8', found {workspace!r}")
