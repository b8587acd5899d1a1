"""Small-data comparison of methods: the same generated data, steps and seeds for each, mean and spread of the scores.

    python benchmarks/refshapes.py --group sadlr --work-dir work_dirs/refshapes --jobs 2
    python benchmarks/refshapes.py --configs configs/lavt/lavt_nano_refshapes.py --seeds 0 1 2

Every config of a group trains once a seed, in a process of its own with one thread. What is finished is not done again
and what was interrupted goes on from its last checkpoint, so the command may be stopped and repeated. The table
goes to WORK_DIR/<group>.md and the numbers to WORK_DIR/<group>.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, List

from mmengine.config import Config

from mmrefseg.command_line.run_command import run_command

ROOT = Path(__file__).resolve().parent.parent
GROUPS = dict(
    # SADLR, Table 3: {LTS, VLT, LAVT} x {alone, + CGA, + SADLR}
    sadlr=[f'configs/{folder or host}/{host}_nano_refshapes.py' for host in ('lts', 'vlt', 'lavt')
           for folder in ('', 'cgan', 'sadlr')],
    # S2RM and CASG, Table VII: three fusions with two decoders
    s2rm=[f'configs/s2rm/{fusion}-{decoder}_nano_refshapes.py' for decoder in ('fpn', 'casg')
          for fusion in ('acm', 'pwam', 's2rm')],
    # M3Att, Table II: #0 to #4
    m3att=[*(f'configs/m3att/ablations/m3att_nano_refshapes_{name}.py'
             for name in ('baseline-generic', 'baseline', 'imi', 'imi-same')),
           'configs/m3att/m3att_nano_refshapes.py'])
METRICS = ('mIoU', 'oIoU', 'P@0.5', 'P@0.7', 'P@0.9')


def run(command: List[str], log: Path) -> None:
    """Run a command with one thread, its output appended to ``log``.

    Raises:
        RuntimeError: It failed; says where the log is.
    """
    environment = dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=str(ROOT), PYTHONWARNINGS='ignore')
    with open(log, 'a') as output:
        done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, stdout=output, stderr=output)
    if done.returncode:
        raise RuntimeError(f'{" ".join(command)} failed with {done.returncode}: see {log}')


def train_and_test(config: str, seed: int, args: argparse.Namespace) -> Dict[str, dict]:
    """Train a config with a seed and test it; nothing if that is done already.

    Args:
        config (str): Relative to the repository.
        seed (int): Of initialization and of the order of the data.
        args (Namespace): Of the command line.

    Returns:
        dict: The metrics of each split.
    """
    work_dir = args.work_dir / f'{config_name(config)}_e{args.epochs}_s{seed}'
    results = work_dir / 'results.json'
    if not results.exists():
        work_dir.mkdir(parents=True, exist_ok=True)
        loaders = [f'{loader}_dataloader.dataset.data_root={args.data}' for loader in ('train', 'val', 'test')]
        schedule = [f'train_cfg.max_epochs={args.epochs}', f'train_cfg.val_interval={args.epochs}',
                    f'param_scheduler.1.end={args.epochs}', f'randomness.seed={seed}',
                    f'val_dataloader.dataset.split={args.splits[0]}', *args.cfg_options]
        run(['tools/train.py', config, '--work-dir', str(work_dir), '--resume', '--cfg-options', *schedule, *loaders],
            work_dir / 'train.log')
        checkpoint = work_dir / f'epoch_{args.epochs}.pth'
        partial = work_dir / 'results.part.json'
        run(['tools/test.py', config, str(checkpoint), '--work-dir', str(work_dir / 'test'), '--splits', *args.splits,
             '--out', str(partial), '--cfg-options', *loaders], work_dir / 'test.log')
        partial.replace(results)
        print(f'{work_dir.name}: mIoU {json.loads(results.read_text())[args.splits[0]]["mIoU"]:.2f}', flush=True)
    return json.loads(results.read_text())


def config_name(config: str) -> str:
    """'configs/sadlr/lavt_nano_refshapes.py' -> 'sadlr_lavt_nano'."""
    path = Path(config)
    return f'{path.parent.name}_{path.stem.removesuffix("_refshapes")}'


def spread(values: List[float]) -> str:
    """The mean and, of several runs, the sample standard deviation."""
    mean = f'{statistics.fmean(values):.1f}'
    return f'{mean} ± {statistics.stdev(values):.1f}' if len(values) > 1 else mean


def table(scores: Dict[str, List[Dict[str, dict]]], splits: List[str]) -> str:
    """Markdown: a row a config, mean ± standard deviation of its seeds.

    Args:
        scores (dict): By config, one entry a seed with the metrics of each split.
        splits (list[str]): All metrics of the first, mIoU of the others.
    """
    columns = [(splits[0], metric) for metric in METRICS] + [(split, 'mIoU') for split in splits[1:]]
    lines = ['| | ' + ' | '.join(f'{split} {metric}' for split, metric in columns) + ' |',
             '|---' * (len(columns) + 1) + '|']
    for config, seeds in scores.items():
        cells = [spread([of_seed[split][metric] for of_seed in seeds]) for split, metric in columns]
        lines.append(f'| {config_name(config)} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def main() -> None:
    """Train what is missing, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--group', choices=GROUPS, help='the configs of a paper\'s table')
    what.add_argument('--configs', nargs='+', help='config files')
    parser.add_argument('--data', default='data', help='data root with RefShapes (make_refshapes.py)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/refshapes'))
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--epochs', type=int, default=3)
    parser.add_argument('--splits', nargs='+', default=['val', 'testA', 'testB'])
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='of the training of all configs; another work dir for other options')
    parser.add_argument('--jobs', type=int, default=1, help='runs at the same time, a core each')
    args = parser.parse_args()
    args.work_dir, args.data = args.work_dir.resolve(), Path(args.data).resolve()
    configs = args.configs or GROUPS[args.group]
    for config in configs:
        Config.fromfile(ROOT / config)  # a name that is wrong shows before hours are spent
    # A seed of all configs before the next seed: a table of fewer seeds is there early.
    runs = [(config, seed) for seed in args.seeds for config in configs]
    with ThreadPoolExecutor(args.jobs) as pool:
        done = list(pool.map(lambda each: train_and_test(*each, args), runs))
    scores = {config: [result for (of, _), result in zip(runs, done) if of == config] for config in configs}
    name = args.group or 'configs'
    text = table(scores, args.splits)
    (args.work_dir / f'{name}.md').write_text(text + '\n')
    record = dict(epochs=args.epochs, seeds=args.seeds, cfg_options=args.cfg_options, scores=scores)
    (args.work_dir / f'{name}.json').write_text(json.dumps(record, indent=1))
    print(text)


if __name__ == '__main__':
    sys.exit(run_command(main))
