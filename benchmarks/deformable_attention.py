"""Deformable attention of ours beside transformers' own (Mask2Former's), both in plain PyTorch.

    python benchmarks/deformable_attention.py                    # levels of strides 8, 16, 32 of 448x448, 256 channels
    python benchmarks/deformable_attention.py --rows 8

Time: medians of rounds in which each form runs once, in one process. Memory: the peak above that of the inputs; on a
CPU each form has a process of its own (Linux), on a GPU it is torch's own count. Both have the same weights and
answers, which is checked first.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import torch
from transformers.models.mask2former.modeling_mask2former import (
    Mask2FormerPixelDecoderEncoderMultiscaleDeformableAttention as TransformersAttention,
)

from mmrefseg.command_line.run_command import run_command
from mmrefseg.models.utils import DeformableAttention
from mmrefseg.utils.paired import peak_memory, synchronize

FORMS = ('transformers', 'ours')
LEVELS, HEADS, POINTS = 3, 8, 4


def make_form(name: str, args, sizes):
    """The function (pixels, positions, places) -> (N, S, C) of a form."""
    torch.manual_seed(0)
    ours = DeformableAttention(args.channels, LEVELS, HEADS, POINTS).to(args.device)
    torch.nn.init.normal_(ours.attention_weights.weight, std=0.02)
    if name == 'ours':
        return lambda pixels, positions, places: ours(pixels, positions, places, sizes)
    theirs = TransformersAttention(args.channels, HEADS, LEVELS, POINTS).to(args.device)
    theirs.load_state_dict(ours.state_dict())

    def run_theirs(pixels, positions, places):
        points = places[None, :, None].expand(len(pixels), -1, LEVELS, -1)
        return theirs(pixels, encoder_hidden_states=pixels, position_embeddings=positions, reference_points=points,
                      spatial_shapes_list=sizes)[0]

    return run_theirs


def make_inputs(args, sizes):
    """Pixels (N, S, C), positions (1, S, C) and places (S, 2)."""
    count = sum(height * width for height, width in sizes)
    torch.manual_seed(1)
    pixels = torch.randn(args.rows, count, args.channels, device=args.device).requires_grad_(args.backward)
    return [pixels, torch.randn(1, count, args.channels, device=args.device), torch.rand(count, 2, device=args.device)]


def run(form, inputs) -> torch.Tensor:
    """The output and, where the inputs want it, the gradient."""
    with torch.set_grad_enabled(inputs[0].requires_grad):
        output = form(*inputs)
        if inputs[0].requires_grad:
            torch.autograd.grad(output.sum(), inputs[0])
    return output.detach()


def measure_times(args, sizes) -> dict:
    """Median seconds of each form over paired rounds."""
    forms = {name: make_form(name, args, sizes) for name in FORMS}
    inputs, times = make_inputs(args, sizes), {name: [] for name in FORMS}
    torch.testing.assert_close(*(run(form, inputs) for form in forms.values()), atol=1e-4, rtol=1e-4)
    for number in range(args.rounds + 1):
        for name, form in forms.items():
            synchronize(args.device)
            begin = time.perf_counter()
            run(form, inputs)
            synchronize(args.device)
            if number >= 1:  # the first round warms up
                times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in times.items()}


def measure_memory(args, name: str, sizes) -> float:
    """Peak MiB of a form above its inputs, in this process."""
    small = [(2, 2)] * LEVELS
    run(make_form(name, args, small), make_inputs(args, small))
    form, inputs = make_form(name, args, sizes), make_inputs(args, sizes)
    before = peak_memory(lambda: None, args.device)
    return (peak_memory(lambda: run(form, inputs), args.device) - before) / 2**20


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--size', type=int, default=448, help='H = W of the images')
    parser.add_argument('--channels', type=int, default=256)
    parser.add_argument('--rows', type=int, default=1, help='expressions')
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--backward', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('--memory-of', choices=FORMS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes = [(args.size // stride, ) * 2 for stride in (32, 16, 8)]
    if args.memory_of:
        print(json.dumps(measure_memory(args, args.memory_of, sizes)))
        return
    print(f'{args.size}x{args.size}, {args.rows} row(s), {args.channels} channels, {args.device}, '
          f'{torch.get_num_threads()} thread(s), medians of {args.rounds} paired rounds')
    print(f'{"":24}{"transformers":>14}{"ours":>10}{"ratio":>8}')
    for backward in (False, True):
        args.backward = backward
        times = measure_times(args, sizes)
        memory = {}
        for name in FORMS:
            options = ['--size', args.size, '--channels', args.channels, '--rows', args.rows, '--device', args.device,
                       '--memory-of', name, *(['--backward'] if backward else [])]
            output = subprocess.run([sys.executable, '-W', 'ignore', __file__, *map(str, options)], check=True,
                                    stdout=subprocess.PIPE, text=True).stdout
            memory[name] = json.loads(output.splitlines()[-1])
        label = 'with gradient' if backward else 'forward'
        for unit, scale, row in (('ms', 1e3, times), ('MiB', 1, memory)):
            theirs, ours = (scale * row[name] for name in FORMS)
            ratio = theirs / ours if ours else float('nan')
            print(f'{label + ", " + unit:24}{theirs:>14.1f}{ours:>10.1f}{ratio:>8.2f}')


if __name__ == '__main__':
    sys.exit(run_command(main))
