"""The command line that training and testing share."""

import argparse
import os
from typing import Optional, Sequence

from mmengine.config import DictAction


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what both tools take: config, work dir, precision, compiling, overrides, launcher.

    Args:
        parser (ArgumentParser): Gets ``config`` as its next positional argument, and ``--work-dir``, ``--amp``,
            ``--compile``, ``--cfg-options``, ``--launcher`` and ``--local_rank``.
    """
    parser.add_argument('config', help='config file, or name: see mmrefseg info')
    parser.add_argument('--work-dir', help='where logs and checkpoints go')
    parser.add_argument('--amp', action='store_true', help='mixed precision: float16 on CUDA, bfloat16 on a CPU')
    parser.add_argument('--compile', action='store_true', help='torch.compile: the first steps take minutes')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        help='override settings of the config: key=value, dotted keys')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    # Launchers older than torchrun hand the rank over as an argument.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def parse_run_arguments(parser: argparse.ArgumentParser,
                        arguments: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Parse, and put the rank into the environment, where mmengine looks for it.

    Args:
        parser (ArgumentParser): With what :func:`add_run_arguments` adds.
        arguments (Sequence[str], optional): Defaults to those of this process.
    """
    args = parser.parse_args(arguments)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args
