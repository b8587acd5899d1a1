"""Seconds and page faults of a CPU that keeps freed memory, paired with glibc's default.

    python benchmarks/allocator.py configs/lavt/lavt_swint_refcoco.py --batch-sizes 1 8
    python benchmarks/allocator.py configs/lavt/lavt_swint_refcoco.py --train --batch-sizes 2

Every round measures each variant once, in a process of its own, because the set-up of an allocator stays for the rest
of a process: glibc's default (``MMREFSEG_KEEP_MEMORY=0``), then :func:`mmrefseg.utils.keep_freed_memory`. A process
takes the median of --steps predictions, or training steps with --train, behind one that does not count. Linux with
glibc; weights and pictures are random.
"""

import argparse
import os
import resource
import statistics
import sys
from collections import defaultdict
from itertools import product
from pathlib import Path
from typing import Callable, Dict

import torch
from prettytable import PrettyTable
from train_step import batch, training_step

from mmrefseg.command_line.run_command import run_command
from mmrefseg.utils import keep_freed_memory
from mmrefseg.utils.paired import build, in_own_process, machine, quartiles, ratio, save, seconds

ALLOCATORS = dict(default='0', kept='1')


def prediction(args: argparse.Namespace) -> Callable[[], object]:
    """A prediction of the model of the config."""
    model = build(args.config)
    images, samples = batch(args)
    return torch.no_grad()(lambda: model(images, samples, mode='predict'))


def measure(args: argparse.Namespace) -> Dict[str, float]:
    """Seconds a picture, page faults a picture and the peak in GB, of this process."""
    keep_freed_memory()
    call = training_step(f'{args.config}, fp32', args) if args.train else prediction(args)
    call()
    times, faults = [], []
    for _ in range(args.steps):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        times.append(seconds(call) / args.batch_size)
        faults.append((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / args.batch_size)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return dict(seconds=statistics.median(times), faults=statistics.median(faults), peak=peak)


def measure_apart(args: argparse.Namespace, batch_size: int, allocator: str) -> Dict[str, float]:
    """:func:`measure` in a process of its own."""
    os.environ['MMREFSEG_KEEP_MEMORY'] = ALLOCATORS[allocator]
    return in_own_process(measure, argparse.Namespace(**vars(args), batch_size=batch_size))


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(description='Keeping freed memory on a CPU, paired')
    parser.add_argument('config', help='config file')
    parser.add_argument('--train', action='store_true', help='training steps instead of predictions')
    parser.add_argument('--batch-sizes', type=int, nargs='+', default=[1, 8])
    parser.add_argument('--shape', type=int, nargs=2, default=(480, 480), metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument('--words', type=int, default=20, help='words or word pieces of an expression')
    parser.add_argument('--steps', type=int, default=3, help='steps of a process that count')
    parser.add_argument('--repeats', type=int, default=3, help='rounds')
    parser.add_argument('--out', type=Path, help='write the results to this .json file')
    args = parser.parse_args()
    args.device, args.cfg_options = 'cpu', {}

    found = defaultdict(list)
    for _ in range(args.repeats):
        for batch_size, allocator in product(args.batch_sizes, ALLOCATORS):
            found[f'batch {batch_size}, {allocator}'].append(measure_apart(args, batch_size, allocator))

    table = PrettyTable(['', 's a picture', 'quartiles', 'x default', 'page faults a picture', 'peak (GB)'], align='l')
    for name, rounds in found.items():
        times = [each['seconds'] for each in rounds]
        first, median, third = quartiles(times)
        default = [each['seconds'] for each in found[f'{name.split(",")[0]}, default']]
        faults, peak = (statistics.median(each[key] for each in rounds) for key in ('faults', 'peak'))
        table.add_row([name, f'{median:.3f}', f'{first:.3f} … {third:.3f}', f'{ratio(times, default):.3f}',
                       f'{faults:,.0f}', f'{peak:.2f}'])
    print(f'{"training" if args.train else "prediction"} of {args.config}, {args.shape[0]}x{args.shape[1]}, '
          f'{machine()}, {args.repeats} rounds\n{table}')
    save(args.out, found=found, train=args.train, shape=args.shape)


if __name__ == '__main__':
    sys.exit(run_command(main))
