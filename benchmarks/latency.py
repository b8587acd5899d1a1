"""Latency of models at inference, paired: every round runs each model once, in turn.

    python benchmarks/latency.py configs/lavt/lavt_swinb_refcoco.py configs/sadlr/lavt_swinb_refcoco.py --repeats 10
    python benchmarks/latency.py configs/lavt/lavt_swinb_refcoco.py --plain --amp
    python benchmarks/latency.py configs/s2rm/s2rm-casg_swint_refcoco.py --amp --compile

``--plain`` puts the plain implementation of LAVT (benchmarks/plain_lavt.py) before all others, with the weights of the
first config; ``--amp`` has every model in mixed precision as well: ours by ``use_half_precision``, the plain one under
autocast; ``--compile`` has ours compiled as well, whose first prediction compiles and is printed by itself. The first
row is the baseline of the ratios. Weights are random: latency does not depend on them. Prints
medians and spread (first and third quartile), and the median of the ratios of each round; --out keeps every time.
"""

import argparse
import sys
from pathlib import Path
from typing import Callable, Dict

import torch
from plain_twin import PlainTwin

from mmrefseg.command_line.run_command import run_command
from mmrefseg.engine import add_config_options, use_half_precision
from mmrefseg.models import compile_parts
from mmrefseg.utils import keep_freed_memory
from mmrefseg.utils.paired import build, machine, measure_in_turns, random_batch, save, seconds, table


def ours(config: str, amp: bool, compiled: bool, args: argparse.Namespace, inputs: tuple) -> Callable[[], object]:
    """A prediction of the model of a config."""
    model = build(config, args.cfg_options, args.device)
    if amp:
        use_half_precision(model)

    def predict() -> object:
        return model(*inputs, mode='predict')

    if compiled:
        compile_parts(model)
        print(f'{config}{", amp" if amp else ""}: {seconds(predict, args.device):.0f} s for the first prediction, '
              'compiling', flush=True)
    return predict


def plain(amp: bool, args: argparse.Namespace, inputs: tuple) -> Callable[[], object]:
    """A prediction of the plain twin of the first config's model."""
    twin = PlainTwin(build(args.configs[0], args.cfg_options, args.device))
    device = torch.device(args.device).type

    def predict() -> object:
        with torch.autocast(device, dtype=torch.bfloat16 if device == 'cpu' else torch.float16, enabled=amp):
            return twin.predict(*inputs)

    return predict


def variants(args: argparse.Namespace) -> Dict[str, Callable[[], object]]:
    """Functions to measure, by the name of their row."""
    inputs = random_batch(args.shape, args.words, args.expressions, device=args.device)
    found = {}
    for amp in [False, True][:1 + args.amp]:
        suffix = ', amp' if amp else ''
        if args.plain:
            found[f'plain{suffix}'] = plain(amp, args, inputs)
        for config in args.configs:
            found[f'{config}{suffix}'] = ours(config, amp, False, args, inputs)
            if args.compile:
                found[f'{config}{suffix}, compiled'] = ours(config, amp, True, args, inputs)
    return found


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(description='Latency of models at inference, paired')
    parser.add_argument('configs', nargs='+', help='config files')
    parser.add_argument('--plain', action='store_true', help='the plain LAVT first, of the size of the first config')
    parser.add_argument('--amp', action='store_true', help='every model in mixed precision too')
    parser.add_argument('--compile', action='store_true', help='ours compiled too')
    parser.add_argument('--shape', type=int, nargs=2, default=(480, 480), metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument('--words', type=int, default=20, help='words or word pieces of an expression')
    parser.add_argument('--expressions', type=int, default=1, help='expressions on the picture (1 with --plain)')
    parser.add_argument('--repeats', type=int, default=10, help='rounds')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--out', type=Path, help='write the times to this .json file')
    add_config_options(parser)
    args = parser.parse_args()
    if args.plain and args.expressions != 1:
        parser.error('--plain takes one expression a picture')
    keep_freed_memory()
    with torch.no_grad():
        times = measure_in_turns(variants(args), args.repeats, warmup=2, device=args.device)
    print(f'{args.shape[0]}x{args.shape[1]}, {args.expressions} expression(s) of {args.words} words, '
          f'{machine(args.device)}, {args.repeats} rounds\n{table(times)}')
    save(args.out, args.device, times=times, shape=args.shape, words=args.words, expressions=args.expressions)


if __name__ == '__main__':
    sys.exit(run_command(main))
