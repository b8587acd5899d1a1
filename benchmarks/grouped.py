"""Several expressions on one picture: all at once beside one call each. Time, multiply-adds and the masks compared.

    python benchmarks/grouped.py configs/s2rm/s2rm-casg_swinb_refcoco.py --shape 480 480 \\
        --cfg-options model.fusion.feature_size="(15,15)"
    python benchmarks/grouped.py configs/lavt/lavt_swinb_refcoco.py --expressions 7

Weights are random, which changes neither time nor multiply-adds; those of the norms are drawn too, so that the
logits vary. Times are medians of rounds in which each way runs once, in one process. In single precision rounding
may move a pixel whose logit is nearly the threshold's; ``--double`` shows that it is rounding.
"""

import argparse
import importlib.util
import statistics
import time
from pathlib import Path
from typing import Dict, List

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from mmrefseg.engine import without_pretrained
from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample

ROOT = Path(__file__).resolve().parent.parent
WORDS = 'the man left a red woman right'.split()


def load_count_macs():
    """``count_macs`` of tools/analysis_tools/get_flops.py."""
    spec = importlib.util.spec_from_file_location('get_flops', ROOT / 'tools/analysis_tools/get_flops.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.count_macs


def make_expressions(count: int) -> List[str]:
    """Expressions of one word and more, none like another."""
    return [' '.join(WORDS[(start + number) % len(WORDS)] for number in range(1 + start)) for start in range(count)]


def stir_norms(model: nn.Module) -> None:
    """Draw statistics and weights of the batch norms: as they start they pass everything on alike."""
    for norm in model.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            norm.running_mean.normal_(std=0.1)
            norm.running_var.uniform_(0.5, 2)
            norm.weight.data.uniform_(0.5, 1.5)
            norm.bias.data.normal_(std=0.1)


def predict(model: nn.Module, image: Tensor, groups: List[List[str]]) -> Dict[str, Tensor]:
    """Masks (E, H, W) and logits (E * K, H, W) of the expressions, a call a group."""
    masks, logits = [], []
    for expressions in groups:
        sample = RefDataSample(metainfo=dict(expressions=expressions, img_shape=tuple(image.shape[2:])))
        model(image, [sample], mode='predict')
        masks.append(sample.pred_sem_seg.data)
        logits.append(sample.seg_logits.data)
    return dict(masks=torch.cat(masks), logits=torch.cat(logits))


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='config file')
    parser.add_argument('--shape', type=int, nargs=2, default=(480, 480), metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument('--expressions', type=int, default=7)
    parser.add_argument('--words', type=int, default=20, help='words or word pieces, for the multiply-adds')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--double', action='store_true', help='in double precision')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override settings of the config')
    args = parser.parse_args()
    cfg = Config.fromfile(args.config)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmrefseg'))
    torch.manual_seed(0)
    model = MODELS.build(without_pretrained(cfg.model)).to(args.device).eval()
    model.test_cfg.keep_logits = True
    stir_norms(model)
    dtype = torch.float64 if args.double else torch.float32
    model.to(dtype)
    image = torch.randn(1, 3, *args.shape, device=args.device, dtype=dtype)
    expressions = make_expressions(args.expressions)
    ways = dict(grouped=[expressions], single=[[expression] for expression in expressions])
    times, outputs = {name: [] for name in ways}, {}
    with torch.no_grad():
        for number in range(args.rounds + 1):
            for name, groups in ways.items():
                begin = time.perf_counter()
                outputs[name] = predict(model, image, groups)
                if args.device == 'cuda':
                    torch.cuda.synchronize()
                if number:  # the first round warms up
                    times[name].append(time.perf_counter() - begin)
    count_macs = load_count_macs()
    model.float()
    macs = dict(
        grouped=sum(count_macs(model, *args.shape, args.words, args.expressions).values()),
        single=args.expressions * sum(count_macs(model, *args.shape, args.words).values()))
    print(f'{args.config}: {args.shape[0]}x{args.shape[1]}, {args.expressions} expressions, {args.device}, '
          f'{torch.get_num_threads()} thread(s), medians of {args.rounds} paired rounds')
    print(f'{"":10}{"grouped":>12}{f"{args.expressions} calls":>12}{"ratio":>8}')
    for label, grouped, single in (
            ('seconds', *(statistics.median(times[name]) for name in ways)),
            ('GMACs', *(macs[name] / 1e9 for name in ways))):
        print(f'{label:10}{grouped:>12.3f}{single:>12.3f}{single / grouped:>8.2f}')
    differ = (outputs['grouped']['masks'] != outputs['single']['masks']).sum().item()
    gap = (outputs['grouped']['logits'] - outputs['single']['logits']).abs().max().item()
    inside = outputs['grouped']['masks'].float().mean().item()
    print(f'masks: {differ} of {outputs["single"]["masks"].numel()} pixels differ ({inside:.1%} are inside); '
          f'logits: at most {gap:.1e} apart, of {outputs["single"]["logits"].std().item():.1e} standard deviation')


if __name__ == '__main__':
    main()
