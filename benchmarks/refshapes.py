"""The papers' claims on small data: the same generated data, steps and seeds for each run, compared seed by seed.

    mmrefseg make-refshapes data/simple --style simple --variants refshapes grefshapes
    python benchmarks/refshapes.py --groups sadlr lts --jobs 2
    python benchmarks/refshapes.py --table

Every run of ``refshapes_claims.py`` trains once a seed, at 64 x 64 from an encoder trained on these images, in a
process of its own with one thread. What it reached on val is a file of its own in ``benchmarks/results/refshapes``,
written as soon as it is there. What has one is not done again, and what was interrupted goes on from its last
checkpoint: the command may be stopped and repeated, on this machine or another. With ``--epochs 2`` all train twice as
long, and their numbers lie in ``refshapes_2e``; the page has a table of each such folder.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import torch
from mmengine.config import Config
from refshapes_claims import CLAIMS, ENCODERS, GROUPS, RUNS, Claim, claims_table, runs_of, runs_table

from mmrefseg.analysis.runs.run_history import NO_METRICS, read_run
from mmrefseg.command_line.run_command import run_command
from mmrefseg.utils.git_state import git_state
from mmrefseg.utils.write_text import write_text

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / 'benchmarks' / 'results'
PAGE = ROOT / 'docs' / 'en' / 'refshapes_benchmark.md'
BEGIN = '<!-- claims: written by benchmarks/refshapes.py --write -->'
END = '<!-- claims: end -->'
# What the simple images and a training of minutes ask of every config.
SIZE = 64
EPOCHS = 1


def run(command: List[str], log: Path) -> float:
    """Run a command with one thread, its output appended to ``log``.

    Returns:
        float: CPU seconds that it took.

    Raises:
        RuntimeError: It failed; says where the log is.
    """
    environment = dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=str(ROOT), PYTHONWARNINGS='ignore')
    with open(log, 'a') as output:
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f'{" ".join(command)} failed with {process.returncode}: see {log}')
    return usage.ru_utime + usage.ru_stime


def folder_of(epochs: int) -> str:
    """Name of the folder of the numbers of runs of so many epochs."""
    return 'refshapes' if epochs == EPOCHS else f'refshapes_{epochs}e'


def result_file(name: str, seed: int, results: Path) -> Path:
    """File of a run's numbers."""
    return results / f'{name}_s{seed}.json'


def train_and_test(name: str, seed: int, args: argparse.Namespace) -> Dict[str, float]:
    """Train a run with a seed and test it on val; nothing if that is done already.

    Args:
        name (str): A key of ``RUNS``.
        seed (int): Of initialization and of the order of the data.
        args (Namespace): Of the command line.

    Returns:
        dict: The metrics, in percent.

    Raises:
        ValueError: Its numbers are there, of another schedule or other options.
    """
    config, options, times = RUNS[name]
    options = [f'input_size={SIZE}', *encoder_options(config), *options, *args.cfg_options]
    epochs = times * args.epochs
    recipe = dict(config=config, options=options, epochs=epochs, seed=seed)
    file = result_file(name, seed, args.results)
    if file.exists():
        record = json.loads(file.read_text())
        if record['recipe'] != recipe:
            raise ValueError(f'{file} is of {record["recipe"]}, and this would be {recipe}: give other --results, or '
                             'move the file away')
        return record['scores']
    work_dir = args.work_dir / f'{name}_s{seed}'
    work_dir.mkdir(parents=True, exist_ok=True)
    loaders = [f'{loader}_dataloader.dataset.data_root={args.data}' for loader in ('train', 'val', 'test')]
    schedule = [f'max_epochs={epochs}', f'randomness.seed={seed}', 'default_hooks.checkpoint.save_best=None']
    started = time.time()
    seconds = run(['tools/train.py', config, '--work-dir', str(work_dir), '--resume', '--cfg-options', *options,
                   *schedule, *loaders], work_dir / 'train.log')
    # Validated once, at the end.
    scores = {key: value for key, value in read_run(work_dir).validations[-1].items() if key not in NO_METRICS}
    state = git_state(ROOT)
    record = dict(recipe=recipe, scores=scores, cpu_seconds=round(seconds),
                  wall_seconds=round(time.time() - started), commit=state and state.commit, torch=torch.__version__)
    args.results.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(record, indent=1) + '\n')
    metric = 'mIoU' if 'mIoU' in scores else 'gIoU'
    print(f'{name} seed {seed}: {metric} {scores[metric]:.2f}', flush=True)
    return scores


def encoder_options(config: str) -> List[str]:
    """The options by which a config starts from the encoder of the simple images in the place of its own."""
    start = Config.fromfile(ROOT / config).model.backbone.get('init_cfg')
    return [f'model.backbone.init_cfg.checkpoint={ENCODERS[start.checkpoint]}'] if start else []


def read_scores(results: Path) -> Tuple[Dict[str, Dict[int, Dict[str, float]]], float]:
    """Metrics on val by run and seed of all that is measured, and the CPU hours that it took."""
    scores, seconds = {}, 0
    for name in RUNS:
        for file in sorted(results.glob(f'{name}_s*.json')):
            record = json.loads(file.read_text())
            scores.setdefault(name, {})[record['recipe']['seed']] = record['scores']
            seconds += record['cpu_seconds']
    return scores, seconds / 3600


def summary(scores: Dict[str, Dict[int, Dict[str, float]]], hours: float, claims: Sequence[Claim] = CLAIMS) -> str:
    """The tables of claims and of all runs, of what :func:`read_scores` read, and how much of it is measured."""
    table = claims_table(scores, claims)
    runs = sum(map(len, scores.values()))
    parts = [table, f'{table.count("| holds |")} of {len(claims)} claims hold; {runs} runs are measured, '
             f'{hours:.1f} core-hours.']
    for metrics in (('mIoU', 'oIoU', 'P@0.5', 'P@0.9'), ('gIoU', 'cIoU', 'N-acc', 'T-acc')):
        if any(metrics[0] in found for seeds in scores.values() for found in seeds.values()):
            parts.append(runs_table(scores, metrics))
    return '\n\n'.join(parts)


def measured_claims(scores: Dict[str, Dict[int, Dict[str, float]]], epochs: int) -> List[Claim]:
    """Claims that a table has: all of the plain runs, of those of more epochs what is measured."""
    return [claim for claim in CLAIMS if epochs == EPOCHS or claim.better in scores and claim.worse in scores]


def whole_summary(results: Path) -> str:
    """The summary of the plain runs, then of those of more epochs with the claims that they are about."""
    parts = [summary(*read_scores(results / folder_of(EPOCHS)))]
    longer = {int(folder.name.rsplit('_', 1)[1].rstrip('e')): folder
              for folder in results.glob(f'{folder_of(EPOCHS)}_*e')}
    for epochs, folder in sorted(longer.items()):
        scores, hours = read_scores(folder)
        if claims := measured_claims(scores, epochs):
            parts.append(f'### After {epochs} epochs\n\n{summary(scores, hours, claims)}')
    return '\n\n'.join(parts)


def with_summary(page: str, tables: str) -> str:
    """The page with these tables between its marks."""
    before, rest = page.split(BEGIN)
    return f'{before}{BEGIN}\n{tables}\n{END}{rest.split(END)[1]}'


def main() -> None:
    """Train what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--groups', nargs='+', choices=GROUPS, help='the papers whose claims to measure')
    what.add_argument('--runs', nargs='+', choices=RUNS, metavar='RUN', help='single runs, by their names')
    what.add_argument('--table', action='store_true', help='print the table of what is measured, train nothing')
    what.add_argument('--write', action='store_true', help='write it into docs/en/refshapes_benchmark.md')
    parser.add_argument('--further', action='store_true', help='the groups\' further claims too')
    parser.add_argument('--data', default='data/simple', help='data root with simple RefShapes (make_refshapes.py)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs'), help='in its folder refshapes')
    parser.add_argument('--results', type=Path, default=RESULTS, help='in its folder refshapes')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--epochs', type=int, default=EPOCHS, help='of 1,100 steps')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='of the training of all runs; other --results and --work-dir for other options')
    parser.add_argument('--jobs', type=int, default=1, help='runs at the same time, a core each')
    args = parser.parse_args()
    if args.write:
        write_text(PAGE, with_summary(PAGE.read_text(encoding='utf-8'), whole_summary(args.results)))
        return
    args.results = args.results / folder_of(args.epochs)
    args.work_dir, args.data = args.work_dir.resolve() / folder_of(args.epochs), Path(args.data).resolve()
    if not args.table:
        names = args.runs or runs_of(args.groups, headline_only=not args.further)
        # A seed of all runs before the next seed: a table of fewer seeds is there early.
        runs = [(name, seed) for seed in args.seeds for name in names]
        with ThreadPoolExecutor(args.jobs) as pool:
            list(pool.map(lambda each: train_and_test(*each, args), runs))
    scores, hours = read_scores(args.results)
    print(summary(scores, hours, measured_claims(scores, args.epochs)))


if __name__ == '__main__':
    sys.exit(run_command(main))
