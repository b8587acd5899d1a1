"""The command line that training and testing share."""

import argparse
import os
from typing import Optional, Sequence

from mmengine.config import DictAction

# What each launcher tells its processes, and what starts them with it.
LAUNCHERS = dict(
    pytorch=('RANK', 'torchrun --nproc-per-node GPUS -m mmrefseg train CONFIG --launcher pytorch (in a checkout: '
             'tools/dist_train.sh CONFIG GPUS)'),
    slurm=('SLURM_PROCID', 'srun (in a checkout: tools/slurm_train.sh)'),
    mpi=('OMPI_COMM_WORLD_LOCAL_RANK', 'mpirun'))


class ConfigOptions(DictAction):
    """Overrides of a config, ``key=value`` each.

    Values are read as mmengine's ``DictAction`` reads them; what is no ``key=value`` is an error of the command line
    that says so.
    """

    def __call__(self, parser, namespace, values, option_string=None):
        """Called by argparse."""
        for given in values:
            key, equals, _ = given.partition('=')
            if not equals or not all(part.strip() for part in key.split('.')):
                parser.error(f'{option_string} {given}: expected key=value, for example train_cfg.max_epochs=12')
        try:
            super().__call__(parser, namespace, values, option_string)
        except (ValueError, SyntaxError, AssertionError) as error:
            parser.error(f'{option_string} {" ".join(values)}: {error}')


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``.

    Args:
        parser (ArgumentParser): Gets ``cfg_options``, a dict of dotted keys, empty by default.
    """
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions, default={}, metavar='KEY=VALUE',
                        help='override settings of the config: dotted keys; max_epochs, batch_size and input_size '
                        'stand for all that they concern')


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
    add_config_options(parser)
    parser.add_argument('--launcher', choices=['none', *LAUNCHERS], default='none')
    # Launchers older than torchrun hand the rank over as an argument.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def parse_run_arguments(parser: argparse.ArgumentParser,
                        arguments: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Parse, and put the rank into the environment, where mmengine looks for it.

    Ends the program with an error where ``--launcher`` names a launcher that did not start this process.

    Args:
        parser (ArgumentParser): With what :func:`add_run_arguments` adds.
        arguments (Sequence[str], optional): Defaults to those of this process.
    """
    args = parser.parse_args(arguments)
    variable, starter = LAUNCHERS.get(args.launcher, (None, None))
    if variable and variable not in os.environ:
        parser.error(f'--launcher {args.launcher}: {variable} is not set, so no {args.launcher} launcher started this '
                     f'process: start it with {starter}, or leave --launcher out for one process')
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args
