"""Latency, throughput and memory of models at inference; two or more configs are measured in turns, and so paired:

python tools/analysis_tools/benchmark.py configs/lavt/lavt_swinb_refcoco.py
python tools/analysis_tools/benchmark.py configs/lavt/lavt_swinb_refcoco.py configs/sadlr/lavt_swinb_refcoco.py --amp

Latency is the time of one image with its expressions; throughput is of a batch of --batch-size images; the peak of
memory is that of such a batch in a process of its own, weights included. Weights and pixels are random: none of the
three depends on them. Seconds belong to the machine and to what else it does; the ratios of rounds hardly do.
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Dict

import torch
from prettytable import PrettyTable
from torch import nn

from mmrefseg.command_line.run_command import run_command
from mmrefseg.engine import add_config_options, use_half_precision
from mmrefseg.models import compile_parts
from mmrefseg.utils import find_config, keep_freed_memory
from mmrefseg.utils.paired import (
    build,
    in_own_process,
    machine,
    measure_in_turns,
    peak_memory,
    quartiles,
    random_batch,
    ratio,
    save,
)


def open_models(args: argparse.Namespace) -> Dict[str, nn.Module]:
    """The models by the names of their configs."""
    models = {}
    for config in args.configs:
        model = build(find_config(config), args.cfg_options, args.device)
        if args.amp:
            use_half_precision(model)
        if args.compile:
            compile_parts(model)
        models[config] = model
    return models


@torch.no_grad()
def predict(model: nn.Module, inputs: tuple) -> None:
    """One prediction."""
    model(*inputs, mode='predict')


def memory_of(config: str, args: argparse.Namespace) -> int:
    """Bytes that a batch of a model needs at most, in this process."""
    model = open_models(argparse.Namespace(**{**vars(args), 'configs': [config]}))[config]
    inputs = random_batch(args.shape, args.words, args.expressions, args.batch_size, args.device)
    return peak_memory(partial(predict, model, inputs), args.device)


def measure(args: argparse.Namespace) -> Dict[str, Dict[str, object]]:
    """Seconds of one image (``latency``) and of a batch (``batch``), and bytes (``memory``), by config."""
    memory = {} if args.no_memory else {config: in_own_process(memory_of, config, args) for config in args.configs}
    keep_freed_memory()
    models = open_models(args)
    times = {}
    for name, images in dict(latency=1, batch=args.batch_size).items():
        inputs = random_batch(args.shape, args.words, args.expressions, images, args.device)
        calls = {config: partial(predict, model, inputs) for config, model in models.items()}
        times[name] = times['latency'] if images == 1 and times else \
            measure_in_turns(calls, args.repeats, warmup=args.warmup, device=args.device)
    return dict(times, memory=memory, parameters={
        config: sum(parameter.numel() for parameter in model.parameters()) for config, model in models.items()})


def table(found: dict, args: argparse.Namespace) -> PrettyTable:
    """A row a config."""
    paired = ['x first'] if len(args.configs) > 1 else []
    rows = PrettyTable(['', 'latency (ms)', 'quartiles (ms)', *paired, 'pictures/s', 'expressions/s', 'peak (MB)',
                        'parameters (M)'], align='r')
    rows.align[''] = 'l'
    baseline = found['latency'][args.configs[0]]
    for config in args.configs:
        first, median, third = (1000 * value for value in quartiles(found['latency'][config]))
        rate = args.batch_size / quartiles(found['batch'][config])[1]
        memory = found['memory'].get(config)
        rows.add_row([
            config, f'{median:.1f}', f'{first:.1f} … {third:.1f}',
            *(f'{ratio(found["latency"][config], baseline):.3f}' for _ in paired), f'{rate:.2f}',
            f'{rate * args.expressions:.2f}', '' if memory is None else f'{memory / 1e6:.0f}',
            f'{found["parameters"][config] / 1e6:.2f}'])
    return rows


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(description='Latency, throughput and memory of models at inference')
    parser.add_argument('configs', nargs='+', help='config files, or names of configs; the first is the baseline')
    parser.add_argument('--shape', type=int, nargs=2, default=(480, 480), metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument('--words', type=int, default=20, help='words or word pieces of an expression')
    parser.add_argument('--expressions', type=int, default=1, help='expressions of each picture')
    parser.add_argument('--batch-size', type=int, default=1, help='pictures at once, for throughput and memory')
    parser.add_argument('--amp', action='store_true', help='mixed precision')
    parser.add_argument('--compile', action='store_true', help='torch.compile: the first predictions take minutes')
    parser.add_argument('--no-memory', action='store_true', help='leave out the peak of memory')
    parser.add_argument('--repeats', type=int, default=10, help='rounds that count')
    parser.add_argument('--warmup', type=int, default=2, help='rounds before them')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--out', type=Path, help='write every time to this .json file')
    add_config_options(parser)
    args = parser.parse_args()
    for name in ('words', 'expressions', 'batch_size', 'repeats'):
        if getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")} is {getattr(args, name)}, expected 1 or more')
    if len(set(args.configs)) < len(args.configs):
        parser.error('a config is named twice')
    found = measure(args)
    print(f'{args.shape[0]}x{args.shape[1]}, {args.expressions} expression(s) of {args.words} words, batches of '
          f'{args.batch_size}{", amp" * args.amp}{", compiled" * args.compile}, {machine(args.device)}, {args.repeats} '
          f'rounds\n{table(found, args)}')
    options = {key: value for key, value in vars(args).items() if key not in ('out', 'device')}
    save(args.out, args.device, **found, options=options)


if __name__ == '__main__':
    sys.exit(run_command(main))
