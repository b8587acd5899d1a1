"""Training steps, paired: forward, backward and AdamW of LAVT in plain PyTorch and of models of ours.

    python benchmarks/train_step.py --repeats 3
    python benchmarks/train_step.py --configs configs/lavt/lavt_swinb_refcoco.py --checkpointing --repeats 3
    python benchmarks/train_step.py --configs configs/lts/lts_swinb_refcoco.py --no-plain
    python benchmarks/train_step.py --configs configs/lavt/lavt_nano_refshapes{,_maskris}.py --no-plain --shape 96 96

Every round runs each variant once, in turn; every variant is measured in single precision and under bfloat16 autocast
(``--precisions``). ``--checkpointing`` has each of ours with ``model.with_cp=True`` too. The peak of memory (weights,
gradients, the optimizer's moments and activations together) is that of two steps in a process of its own, on a CPU
without the holes between what is in use. Pictures and masks are random, one expression a picture; the pre-trained
weights are left out.
"""

import argparse
import sys
from itertools import product
from pathlib import Path
from typing import Callable, Dict, List

import torch
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import OptimWrapper
from mmengine.structures import PixelData
from plain_twin import PlainTwin
from torch import nn

from mmrefseg.command_line.run_command import run_command
from mmrefseg.engine import BFloat16OptimWrapper, add_config_options
from mmrefseg.models import MaskRIS
from mmrefseg.utils import keep_freed_memory
from mmrefseg.utils.paired import (
    build,
    give_back_at_once,
    in_own_process,
    machine,
    measure_in_turns,
    peak_memory,
    random_batch,
    save,
    table,
)

DTYPES = dict(fp32=torch.float32, bf16=torch.bfloat16, fp16=torch.float16)


def batch(args: argparse.Namespace) -> tuple:
    """Pictures (B, 3, H, W) and their samples with one expression and one mask each."""
    images, samples = random_batch(args.shape, args.words, images=args.batch_size, device=args.device)
    for sample in samples:
        mask = (torch.rand(1, *args.shape, device=args.device) > 0.5).to(torch.uint8)
        sample.gt_sem_seg = PixelData(data=mask)
    return images, samples


def variant_names(args: argparse.Namespace) -> List[str]:
    """``<config or plain>, <precision>``, ours with checkpointing behind a plus."""
    names = [['plain'][:not args.no_plain], args.configs, [f'{config}+cp' for config in args.configs]]
    kinds = [name for group in names[:2 + args.checkpointing] for name in group]
    return [f'{kind}, {precision}' for precision, kind in product(args.precisions, kinds)]


def training_step(name: str, args: argparse.Namespace) -> Callable[[], object]:
    """The step of a variant, with the model and the optimizer that it trains."""
    kind, precision = name.split(', ')
    options = {**args.cfg_options, **({'model.with_cp': True} if kind.endswith('+cp') else {})}
    config = args.configs[0] if kind == 'plain' else kind.removesuffix('+cp')
    model = revert_sync_batchnorm(build(config, options, args.device)).train()
    if kind == 'plain':
        model = PlainTwin(model)
        losses = model.loss
    elif isinstance(model, MaskRIS):
        return two_passes(model, batch(args), DTYPES[precision])
    else:
        def losses(images, samples):
            return model.parse_losses(model(images, samples, mode='loss'))[0]
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5)
    inputs = batch(args)
    device, dtype = torch.device(args.device).type, DTYPES[precision]

    def step() -> None:
        with torch.autocast(device, dtype=dtype, enabled=dtype != torch.float32):
            loss = losses(*inputs)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def two_passes(model: MaskRIS, inputs: tuple, dtype: torch.dtype) -> Callable[[], object]:
    """A step of MaskRIS on images that are normalised already."""
    model.data_preprocessor = nn.Module()
    model.data_preprocessor.forward = lambda data, training: data
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5)
    kind = OptimWrapper if dtype == torch.float32 else BFloat16OptimWrapper
    wrapper = kind(optimizer=optimizer)
    return lambda: model.train_step(dict(zip(('inputs', 'data_samples'), inputs)), wrapper)


def memory_of(name: str, args: argparse.Namespace) -> int:
    """Bytes that two steps of a variant need at most, in this process, which then serves for nothing else."""
    if torch.device(args.device).type == 'cpu':
        give_back_at_once()
    step = training_step(name, args)

    def steps() -> None:
        for _ in range(2):  # the moments are there from the first one on
            step()

    return peak_memory(steps, args.device)


def peaks(args: argparse.Namespace) -> Dict[str, int]:
    """:func:`memory_of` all variants, each in a process of its own."""
    return {name: in_own_process(memory_of, name, args) for name in variant_names(args)}


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(description='Training steps, paired')
    parser.add_argument('--configs', nargs='+', default=['configs/lavt/lavt_swint_refcoco.py'], help='of ours')
    parser.add_argument('--no-plain', action='store_true', help='leave out the plain twin of the first config (LAVT)')
    parser.add_argument('--checkpointing', action='store_true', help='ours with gradient checkpointing too')
    parser.add_argument('--precisions', nargs='+', choices=list(DTYPES), default=['fp32', 'bf16'])
    parser.add_argument('--no-memory', action='store_true', help='leave out the peaks of memory')
    parser.add_argument('--batch-size', type=int, default=2)
    parser.add_argument('--shape', type=int, nargs=2, default=(480, 480), metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument('--words', type=int, default=20, help='words or word pieces of an expression')
    parser.add_argument('--repeats', type=int, default=5, help='rounds')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--out', type=Path, help='write the results to this .json file')
    add_config_options(parser)
    args = parser.parse_args()
    memory = {} if args.no_memory else peaks(args)
    keep_freed_memory()
    steps = {name: training_step(name, args) for name in variant_names(args)}
    times = measure_in_turns(steps, args.repeats, device=args.device)
    columns = {'peak (GB)': {name: f'{value / 1e9:.2f}' for name, value in memory.items()}} if memory else {}
    print(f'{args.batch_size} pictures of {args.shape[0]}x{args.shape[1]}, {args.words} words, '
          f'{machine(args.device)}, {args.repeats} rounds\n{table(times, **columns)}')
    save(args.out, args.device, times=times, memory=memory, batch_size=args.batch_size, shape=args.shape)


if __name__ == '__main__':
    sys.exit(run_command(main))
