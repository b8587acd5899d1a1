"""S2RM's coparsing (Eqs. 5 to 8): one product and gathers beside the shifted copies of the equations.

    python benchmarks/s2rm_coparsing.py                    # 15x15 and 16x16 cells of 1024 channels
    python benchmarks/s2rm_coparsing.py --expressions 7

Time: medians of rounds in which each form runs once, in one process. Memory: the peak above that of the inputs; on a
CPU each form has a process of its own (Linux), on a GPU it is torch's own count. Both forms end in the
concatenation of the four maps. The literal form is tests/helpers/plain_s2rm.py, which the tests compare with.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from mmrefseg.command_line.run_command import run_command
from mmrefseg.utils.paired import peak_memory, synchronize

ROOT = Path(__file__).resolve().parent.parent
FORMS = ('literal', 'ours')


def make_form(name: str, size, device):
    """The function (V_4, T^dist) -> the four maps of a form, as a list or tuple."""
    if name == 'ours':
        from mmrefseg.models import S2RMCoparsing
        return S2RMCoparsing(size).to(device)
    sys.path.insert(0, str(ROOT / 'tests'))
    from plain_s2rm import coparse
    return coparse


def make_inputs(args, size):
    """V_4 and T^dist, (N, C, H, W), as the fusion hands them over."""
    torch.manual_seed(0)
    return [torch.randn(args.expressions, args.channels, *size, device=args.device).requires_grad_(args.backward)
            for _ in range(2)]


def run(form, inputs) -> None:
    """The four maps side by side and, where the inputs want it, the gradient."""
    maps = torch.cat(list(form(*inputs)), dim=1)
    if maps.requires_grad:
        torch.autograd.grad(maps.sum(), inputs)


def measure_times(args, size) -> dict:
    """Median seconds of each form over paired rounds."""
    forms = {name: make_form(name, size, args.device) for name in FORMS}
    inputs, times = make_inputs(args, size), {name: [] for name in FORMS}
    for number in range(args.rounds + 2):
        for name, form in forms.items():
            synchronize(args.device)
            begin = time.perf_counter()
            run(form, inputs)
            synchronize(args.device)
            if number >= 2:  # the first rounds warm up
                times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in times.items()}


def measure_memory(args, name: str, size) -> float:
    """Peak MiB of a form above its inputs, in this process."""
    form = make_form(name, size, args.device)
    run(make_form(name, (2, 2), args.device), [x[..., :2, :2].contiguous() for x in make_inputs(args, size)])
    inputs = make_inputs(args, size)
    before = peak_memory(lambda: None, args.device)
    return (peak_memory(lambda: run(form, inputs), args.device) - before) / 2**20


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--sizes', type=int, nargs='+', default=[15, 16], help='H = W of the maps')
    parser.add_argument('--channels', type=int, default=1024)
    parser.add_argument('--expressions', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--backward', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('--memory-of', choices=FORMS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory_of:
        print(json.dumps(measure_memory(args, args.memory_of, (args.sizes[0], ) * 2)))
        return
    print(f'{args.expressions} expression(s), {args.channels} channels, {args.device}, {torch.get_num_threads()} '
          f'thread(s), medians of {args.rounds} paired rounds')
    print(f'{"":26}{"literal":>12}{"ours":>12}{"ratio":>8}')
    for side in args.sizes:
        for backward in (False, True):
            args.backward = backward
            times = measure_times(args, (side, side))
            memory = {}
            for name in FORMS:
                options = ['--sizes', side, '--channels', args.channels, '--expressions', args.expressions,
                           '--device', args.device, '--memory-of', name, *(['--backward'] if backward else [])]
                output = subprocess.run(
                    [sys.executable, '-W', 'ignore', __file__, *map(str, options)], check=True,
                    stdout=subprocess.PIPE, text=True).stdout
                memory[name] = json.loads(output.splitlines()[-1])
            label = f'{side}x{side}, {"with gradient" if backward else "forward"}'
            for unit, scale, row in (('ms', 1e3, times), ('MiB', 1, memory)):
                literal, ours = (scale * row[name] for name in FORMS)
                ratio = literal / ours if ours else float('nan')
                print(f'{label + ", " + unit:26}{literal:>12.1f}{ours:>12.1f}{ratio:>8.1f}')


if __name__ == '__main__':
    sys.exit(run_command(main))
