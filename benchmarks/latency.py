"""Latency of models at inference, paired: every round runs each config once, in turn.

    python benchmarks/latency.py configs/lavt/lavt_swinb_refcoco.py configs/sadlr/lavt_swinb_refcoco.py --repeats 10

The first config is the baseline of the ratios. Weights are random: latency does not depend on them. Prints medians and
spread (first and third quartile), and the median of the ratios of each round; --out keeps every single time.
"""

import argparse
import json
import platform
import statistics
import time
from pathlib import Path
from typing import Dict, List

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from prettytable import PrettyTable

from mmrefseg.engine import keep_freed_memory, without_pretrained
from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample


def build(config: str, cfg_options: dict, device: str) -> torch.nn.Module:
    """The model of a config with random weights, ready to predict."""
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmrefseg'))
    return MODELS.build(without_pretrained(cfg.model)).to(device).eval()


@torch.no_grad()
def predict(model: torch.nn.Module, images: torch.Tensor, samples: List[RefDataSample]) -> float:
    """Predict once; seconds, with the GPU's work done."""
    start = time.perf_counter()
    model(images, samples, mode='predict')
    if images.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def quartiles(values: List[float]) -> List[float]:
    """First quartile, median and third quartile."""
    return statistics.quantiles(values, n=4, method='inclusive')


def measure(models: Dict[str, torch.nn.Module], args: argparse.Namespace) -> Dict[str, List[float]]:
    """Seconds of each round by config, after two rounds to warm up."""
    sample = RefDataSample(metainfo=dict(expressions=['a ' * args.words] * args.expressions, img_shape=args.shape))
    images = torch.randn(1, 3, *args.shape, device=args.device)
    times = {config: [] for config in models}
    for _ in range(args.repeats + 2):
        for config, model in models.items():
            times[config].append(predict(model, images, [sample]))
    return {config: values[2:] for config, values in times.items()}


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(description='Latency of models at inference, paired')
    parser.add_argument('configs', nargs='+', help='config files; the first is the baseline')
    parser.add_argument('--shape', type=int, nargs=2, default=(480, 480), metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument('--words', type=int, default=20, help='words or word pieces of an expression')
    parser.add_argument('--expressions', type=int, default=1, help='expressions on the picture')
    parser.add_argument('--repeats', type=int, default=10, help='rounds')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--out', type=Path, help='write the times to this .json file')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, help='override settings of all')
    args = parser.parse_args()
    keep_freed_memory()
    models = {config: build(config, args.cfg_options, args.device) for config in args.configs}
    times = measure(models, args)
    baseline = times[args.configs[0]]
    table = PrettyTable(['config', 'median (s)', 'quartiles (s)', 'x baseline'], align='l')
    for config, values in times.items():
        first, median, third = quartiles(values)
        ratio = statistics.median(value / base for value, base in zip(values, baseline))
        table.add_row([config, f'{median:.3f}', f'{first:.3f} … {third:.3f}', f'{ratio:.3f}'])
    machine = torch.cuda.get_device_name() if args.device != 'cpu' else f'CPU, {torch.get_num_threads()} threads'
    print(f'{args.shape[0]}x{args.shape[1]}, {args.expressions} expression(s) of {args.words} words, fp32, {machine}, '
          f'torch {torch.__version__}, {args.repeats} rounds\n{table}')
    if args.out:
        args.out.write_text(json.dumps(dict(
            times=times, shape=args.shape, machine=machine, platform=platform.platform(), torch=torch.__version__)))


if __name__ == '__main__':
    main()
