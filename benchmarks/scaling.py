"""How cost grows with expressions on a picture, its size, the data set and processes: a table, JSON, a picture a curve.

    python benchmarks/scaling.py expressions --out expressions.json --plot expressions.png
    python benchmarks/scaling.py pictures --sides 320 400 480 640 800
    python benchmarks/scaling.py dataset --factors 1 2 4 8 --sets FOLDER   # NO_WORKERS=1 before it: the start alone
    python benchmarks/scaling.py processes --repeats 2

`expressions` and `pictures` predict with random weights, every point once a round, in turn. `dataset` opens synthetic
sets of so many times RefCOCO's size, each in a process of its own, without an index and from it; --sets keeps them for
the next time. `processes` trains on RefShapes with tools/train.py and tools/dist_train.sh, the same batch in each
process, and reads the seconds of a step off the logs.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List

import torch
from curve_plot import draw
from mmengine.config import Config
from prettytable import PrettyTable
from startup import make_set, measure_apart

from mmrefseg.command_line.run_command import run_command
from mmrefseg.datasets.refshapes_generator import generate_refshapes
from mmrefseg.engine import add_config_options
from mmrefseg.utils import keep_freed_memory
from mmrefseg.utils.paired import (
    build,
    in_own_process,
    machine,
    measure_in_turns,
    peak_memory,
    quartiles,
    random_batch,
    save,
)

ROOT = Path(__file__).resolve().parent.parent
SERIES = ['configs/lavt/lavt_swint_refcoco.py', 'configs/s2rm/s2rm-casg_swint_refcoco.py']
Rows = List[Dict[str, object]]  # 'series', 'x' and 'y' are drawn; all is in the table


def predict(model: torch.nn.Module, side: int, expressions: int, device: str):
    """A call that predicts on one picture of ``side`` x ``side`` with so many expressions of ten words."""
    inputs = random_batch((side, side), words=10, expressions=expressions, device=device)

    @torch.no_grad()
    def run():
        model(*inputs, mode='predict')

    return run


def own_size(config: str) -> int:
    """The side of the pictures that a config is made for."""
    pipeline = Config.fromfile(config).train_dataloader.dataset.pipeline
    return next(step.scale[0] for step in pipeline if step.type == 'RefResize')


def options_for(config: str, side: int) -> dict:
    """Options that make a config's model one for images of ``side``: parts with a weight a pixel have a fixed size."""
    model, own = Config.fromfile(config).model, own_size(config)
    sizes = {part: (model.get(part) or {}).get('feature_size') for part in ('fusion', 'decoder')}
    return {f'model.{part}.feature_size': [math.ceil(cells * side / own) for cells in size]
            for part, size in sizes.items() if size}


def grow_expressions(args: argparse.Namespace) -> Rows:
    """Seconds of a picture with 1, 2, … expressions."""
    calls = {}
    for config in args.configs:
        model = build(config, args.cfg_options, args.device)
        calls.update({(config, count): predict(model, own_size(config), count, args.device) for count in args.counts})
    times = measure_in_turns(calls, args.repeats, device=args.device)
    rows = []
    for (config, count), values in times.items():
        alone = statistics.median(value / one for value, one in zip(values, times[config, args.counts[0]]))
        first, median, third = quartiles(values)
        rows.append(dict(
            series=Path(config).stem, x=count, y=median, quartiles=f'{first:.2f} … {third:.2f}',
            **{'s an expression': median / count, 'x one by one': alone * args.counts[0] / count}))
    return rows


def predict_image(config: str, side: int, cfg_options: dict, device: str):
    """A call that predicts on a picture of ``side`` x ``side``, by a model that is made for this size."""
    return predict(build(config, {**options_for(config, side), **cfg_options}, device), side, 1, device)


def memory_of(*args) -> int:
    """Bytes that :func:`predict_picture` needs at most, the model included; in a process of its own."""
    return peak_memory(predict_image(*args), args[-1])


def grow_images(args: argparse.Namespace) -> Rows:
    """Seconds and peak memory of pictures of several sizes."""
    rows = []
    for config in args.configs:
        what = {side: (config, side, args.cfg_options, args.device) for side in args.sides}
        calls = {side: predict_image(*each) for side, each in what.items()}
        times = measure_in_turns(calls, args.repeats, device=args.device)
        for side, values in times.items():
            first, median, third = quartiles(values)
            rows.append(dict(
                series=Path(config).stem, x=side, y=median, quartiles=f'{first:.2f} … {third:.2f}',
                **{'s a megapixel': median / side**2 * 1e6,
                   'peak memory, GB': in_own_process(memory_of, *what[side]) / 1e9}))
    return rows


def grow_dataset(args: argparse.Namespace) -> Rows:
    """Seconds and memory of the start of a training, from the published files and from the index."""
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for factor in args.factors:
            folder = Path(args.sets or temporary) / f'{factor}x'
            if not (folder / 'refs(unc).p').exists():
                folder.mkdir(parents=True)
                make_set(str(folder), scale=factor)
            cache = str(Path(temporary) / f'cache{factor}')
            for way in ('first', 'index'):
                rounds = [measure_apart(way, str(folder), 'unc', cache) for _ in range(args.repeats)]
                first, median, third = quartiles([each['seconds'] for each in rounds])
                rows.append(dict(
                    series=way, x=factor, y=median, quartiles=f'{first:.3f} … {third:.3f}',
                    **{name: statistics.median(each[key] for each in rounds) for name, key in (
                        ('user s', 'user'), ('system s', 'system'), ('page faults', 'faults'),
                        ('peak memory, MiB', 'peak'), ('with 4 workers, Pss MiB', 'workers_after'))
                       if key in rounds[0]}))
    return rows


def grow_processes(args: argparse.Namespace) -> Rows:
    """Pictures a second of a training in one process and in several, a thread each, and in one with as many threads."""
    rows, images = [], Config.fromfile(args.configs[0]).train_dataloader.batch_size
    with tempfile.TemporaryDirectory() as temporary:
        generate_refshapes(Path(temporary), scenes=dict(train=args.scenes, val=1, testA=1, testB=1),
                           variants=['refshapes'])
        runs = [(1, 1)] + [run for count in args.processes if count > 1 for run in ((1, count), (count, 1))]
        seconds = {run: [] for run in runs}
        for number in range(args.repeats):
            for processes, threads in runs:
                work_dir = Path(temporary) / f'{processes}x{threads}_{number}'
                seconds[processes, threads].append(train(args.configs[0], processes, threads, temporary, work_dir))
    for (processes, threads), values in seconds.items():
        first, median, third = quartiles(values)
        rows.append(dict(
            series='processes' if threads == 1 else 'threads', x=processes * threads, y=processes * images / median,
            **{'s a step': median, 'quartiles': f'{first:.3f} … {third:.3f}',
               'x one': statistics.median(one / value for one, value in zip(seconds[1, 1], values)) * processes}))
    return rows


def train(config: str, processes: int, threads: int, data_root: str, work_dir: Path) -> float:
    """Train an epoch; the median of the seconds of its steps, the first ten left out."""
    tool = ['tools/train.py', config] if processes == 1 else ['tools/dist_train.sh', config, str(processes)]
    options = [*(f'{loader}_dataloader.dataset.data_root={data_root}' for loader in ('train', 'val', 'test')),
               'train_cfg.max_epochs=1', 'train_cfg.val_interval=9', 'default_hooks.logger.interval=5',
               'default_hooks.checkpoint=None']
    command = [*([sys.executable] if processes == 1 else []), *tool, '--work-dir', str(work_dir), '--cfg-options']
    done = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True,
        env=dict(os.environ, OMP_NUM_THREADS=str(threads), PYTHONPATH=str(ROOT), PYTHONWARNINGS='ignore',
                 PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}'))
    if done.returncode:
        raise RuntimeError(f'{" ".join(command)} failed:\n{done.stderr[-2000:]}')
    log = next(work_dir.glob('*/vis_data/scalars.json')).read_text()
    steps = [json.loads(line) for line in log.splitlines()]
    return statistics.median(step['time'] for step in steps if step['step'] > 10)


CURVES = dict(
    expressions=(grow_expressions, 'expressions on a picture', 'seconds'),
    images=(grow_images, 'side of the image (pixels)', 'seconds'),
    dataset=(grow_dataset, 'times RefCOCO', 'seconds'),
    processes=(grow_processes, 'processes or threads', 'pictures a second'))


def main() -> None:
    """Measure a curve, print its table, write its JSON and picture."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('curve', choices=CURVES)
    parser.add_argument('--configs', nargs='+', help='expressions, pictures: the series; processes: what is trained')
    parser.add_argument('--counts', type=int, nargs='+', default=[1, 2, 4, 8, 16], help='expressions on a picture')
    parser.add_argument('--sides', type=int, nargs='+', default=[320, 400, 480, 640, 800], help='of the pictures')
    parser.add_argument('--factors', type=int, nargs='+', default=[1, 2, 4, 8], help='sizes in RefCOCOs')
    parser.add_argument('--sets', help='folder that keeps the synthetic sets')
    parser.add_argument('--processes', type=int, nargs='+', default=[1, 2])
    parser.add_argument('--scenes', type=int, default=800, help='pictures of the training')
    parser.add_argument('--repeats', type=int, default=3, help='rounds')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--out', type=Path, help='write the rows to this .json file')
    parser.add_argument('--plot', type=Path, help='draw the curve to this .png file')
    add_config_options(parser)
    args = parser.parse_args()
    keep_freed_memory()
    grow, x_name, y_name = CURVES[args.curve]
    args.configs = args.configs or (
        ['configs/lavt/lavt_nano_refshapes.py'] if args.curve == 'processes' else SERIES)
    rows = grow(args)
    table = PrettyTable(['', x_name, y_name, *(key for key in rows[0] if key not in ('series', 'x', 'y'))], align='r')
    for row in rows:
        table.add_row([f'{value:.3g}' if isinstance(value, float) else value for key, value in (
            ('series', row['series']), ('x', row['x']), ('y', row['y']),
            *((key, row[key]) for key in rows[0] if key not in ('series', 'x', 'y')))])
    print(f'{machine(args.device)}, medians of {args.repeats} rounds\n{table}')
    save(args.out, args.device, curve=args.curve, rows=rows)
    if args.plot:
        draw(rows, x_name, y_name, args.plot)


if __name__ == '__main__':
    sys.exit(run_command(main))
