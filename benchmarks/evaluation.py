"""Evaluation as one does it and as the field's codes do: all expressions of a picture at once, or one call each.

    python benchmarks/evaluation.py configs/lts/lts_swinb_refcoco.py --expressions refcoco_val.tsv
    python benchmarks/evaluation.py configs/s2rm/s2rm-casg_swinb_refcoco.py --shape 512 512

``--expressions`` is a file of tab-separated lines: picture, object, its expressions (--images of them are taken, with
few and with many expressions, as the file has them). Without it there are as many expressions as pictures of RefCOCO's
val split have, of words that say nothing. Every round takes a picture and does it in all ways, in turn: one by one in
single precision (--singles of its expressions, a call each with the picture), grouped in single precision, grouped in
mixed precision. Pixels are random, and so are the weights, those of the norms too, so that logits vary: time depends
on neither. At the end masks and logits of one by one and grouped, both in single precision, are compared.
"""

import argparse
import copy
import statistics
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Dict, List, Optional

import torch
from prettytable import PrettyTable
from torch import Tensor, nn

from mmrefseg.command_line.run_command import run_command
from mmrefseg.engine import add_config_options, use_half_precision
from mmrefseg.structures import RefDataSample
from mmrefseg.utils import keep_freed_memory
from mmrefseg.utils.paired import build, machine, measure_in_turns, quartiles, save

WORDS = 'the man left a red woman right'.split()
# Expressions of pictures of RefCOCO's val split, at equal steps of their distribution (their mean is 7.2).
COUNTS = (5, 6, 6, 11)
WAYS = ('one by one', 'grouped', 'grouped, amp')


def read_images(path: Optional[Path], number: int) -> List[List[str]]:
    """The expressions of ``number`` pictures, from those with the fewest to those with the most in equal steps."""
    if path is None:
        counts = [COUNTS[i % len(COUNTS)] for i in range(number)]
        return [[' '.join(WORDS[(start + i) % len(WORDS)] for i in range(1 + start % 6)) for start in range(count)]
                for count in counts]
    images = defaultdict(list)
    for line in path.read_text(encoding='utf-8').splitlines():
        name, _, *expressions = line.split('\t')
        images[name].extend(expressions)
    ordered = sorted(images.values(), key=len)
    return [ordered[int((i + 0.5) * len(ordered) / number)] for i in range(number)]


def spread(expressions: List[str], number: int) -> List[str]:
    """``number`` of the expressions, short and long ones."""
    ordered = sorted(expressions, key=len)
    return [ordered[int((i + 0.5) * len(ordered) / number)] for i in range(number)]


def stir_norms(model: nn.Module) -> None:
    """Draw statistics and weights of the batch norms: as they start they pass everything on alike."""
    for norm in model.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            norm.running_mean.normal_(std=0.1)
            norm.running_var.uniform_(0.5, 2)
            norm.weight.data.uniform_(0.5, 1.5)
            norm.bias.data.normal_(std=0.1)


@torch.no_grad()
def predict(model: nn.Module, image: Tensor, groups: List[List[str]]) -> Dict[str, Tensor]:
    """Masks (E, H, W) and, if they are kept, logits (E * K, H, W) of the expressions, a call a group."""
    samples = []
    for expressions in groups:
        samples.append(RefDataSample(metainfo=dict(expressions=expressions, img_shape=tuple(image.shape[2:]))))
        model(image, samples[-1:], mode='predict')
    found = dict(masks=torch.cat([sample.pred_sem_seg.data for sample in samples]))
    if model.test_cfg.keep_logits:
        found['logits'] = torch.cat([sample.seg_logits.data for sample in samples])
    return found


def measure(model: nn.Module, images: List[List[str]], args: argparse.Namespace) -> Dict[str, List[float]]:
    """Seconds an expression, of each picture, by way."""
    half = use_half_precision(copy.deepcopy(model))
    times = {way: [] for way in WAYS}
    for number, expressions in enumerate(images):
        image = torch.randn(1, 3, *args.shape, device=args.device)
        singles = [[expression] for expression in spread(expressions, args.singles)]
        ways = {
            'one by one': partial(predict, model, image, singles),
            'grouped': partial(predict, model, image, [expressions]),
            'grouped, amp': partial(predict, half, image, [expressions]),
        }
        passed = measure_in_turns(ways, repeats=1, warmup=number == 0, device=args.device)
        for way in WAYS:
            times[way].append(passed[way][0] / (args.singles if way == 'one by one' else len(expressions)))
    return times


def compare(model: nn.Module, expressions: List[str], args: argparse.Namespace) -> str:
    """Whether grouped predictions are those of one by one, in words."""
    model.test_cfg.keep_logits = True
    image = torch.randn(1, 3, *args.shape, device=args.device)
    grouped = predict(model, image, [expressions])
    single = predict(model, image, [[expression] for expression in expressions])
    differ = (grouped['masks'] != single['masks']).sum().item()
    gap = (grouped['logits'] - single['logits']).abs().max().item()
    return (f'masks: {differ} of {single["masks"].numel()} pixels differ ({grouped["masks"].float().mean().item():.1%} '
            f'are inside); logits: at most {gap:.1e} apart, of {single["logits"].std().item():.1e} standard deviation')


def table(times: Dict[str, List[float]], counts: List[int]) -> PrettyTable:
    """A row a way: seconds an expression over all pictures, their quartiles over pictures, throughput."""
    total = {way: sum(value * count for value, count in zip(times[way], counts)) for way in WAYS}
    rows = PrettyTable(['', 's an expression', 'quartiles over pictures', 'x throughput'], align='l')
    for way in WAYS:
        first, _, third = quartiles(times[way])
        rows.add_row([way, f'{total[way] / sum(counts):.3f}', f'{first:.3f} … {third:.3f}',
                      f'{total[WAYS[0]] / total[way]:.2f}'])
    return rows


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='config file')
    parser.add_argument('--expressions', type=Path, help='real expressions, see above')
    parser.add_argument('--images', type=int, default=4)
    parser.add_argument('--singles', type=int, default=2, help='expressions of a picture that are timed one by one')
    parser.add_argument('--shape', type=int, nargs=2, default=(480, 480), metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--out', type=Path, help='write all times to this .json file')
    add_config_options(parser)
    args = parser.parse_args()
    keep_freed_memory()
    torch.manual_seed(0)
    model = build(args.config, args.cfg_options, args.device)
    stir_norms(model)
    images = read_images(args.expressions, args.images)
    counts = [len(expressions) for expressions in images]
    times = measure(model, images, args)
    print(f'{args.config}: {args.shape[0]}x{args.shape[1]}, {len(images)} pictures with '
          f'{statistics.mean(counts):.1f} expressions ({sum(map(len, map(set, images)))} of {sum(counts)} are '
          f'different on their picture), {machine(args.device)}\n{table(times, counts)}')
    agreement = compare(model, min(images, key=len), args)
    print(agreement)
    save(args.out, args.device, config=args.config, shape=args.shape, expressions=counts, times=times,
         agreement=agreement)


if __name__ == '__main__':
    sys.exit(run_command(main))
