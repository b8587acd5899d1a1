"""A folder predicted by 1, 2, … processes of torchrun: the same rows; and killed again and again: each row once.

    python benchmarks/predict_processes.py photos said.txt --model lavt_nano_refshapes --out processes.json

Every number of processes begins anew and is compared with the first: results.jsonl and every mask, byte by byte. For
--kills, one folder is begun with the first number of --restarts, killed (SIGKILL, all of them or one, when torchrun
ends the others) after a number of images drawn at random, and begun again with the next number; between two starts no
row that was written may be lost, and no mask of one is written anew.
"""

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, Set

from prettytable import PrettyTable

from mmrefseg.command_line.run_command import run_command
from mmrefseg.utils.paired import machine, save

POLL = 0.02  # seconds


def start(args: argparse.Namespace, processes: int, out_dir: Path) -> subprocess.Popen:
    """Torchrun with so many processes."""
    command = [sys.executable, '-W', 'ignore', '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node',
               str(processes), '-m', 'mmrefseg', 'predict', args.images, args.expressions, '--model', args.model,
               '--out-dir', str(out_dir), '--device', 'cpu']
    with open(f'{out_dir}.log', 'a') as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ, OMP_NUM_THREADS='1'))


def finish(args: argparse.Namespace, processes: int, out_dir: Path) -> Dict[str, float]:
    """Let it come to its end; wall and CPU seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run = start(args, processes, out_dir)
    if run.wait():
        raise RuntimeError(f'{processes} processes ended with {run.returncode}: see {out_dir}.log')
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return dict(seconds=time.perf_counter() - began,
                cpu=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def written(out_dir: Path) -> List[dict]:
    """All whole rows, of the parts too; one that stands in a part and in the whole file counts once."""
    rows = {}
    for path in out_dir.glob('results*.jsonl'):
        try:
            lines = path.read_bytes().split(b'\n')[:-1]
        except FileNotFoundError:  # what it held stands in the whole file now
            return written(out_dir)
        for line in lines:
            row = json.loads(line)
            rows[row['image'], row['number']] = row
    return list(rows.values())


def images(rows: List[dict]) -> Set[str]:
    """The images of rows that are all there."""
    counts: Dict[str, int] = {}
    for row in rows:
        counts[row['image']] = counts.get(row['image'], 0) + 1
    return {row['image'] for row in rows if counts[row['image']] == row['of']}


def workers(run: subprocess.Popen) -> List[int]:
    """The numbers of torchrun's own processes."""
    found = Path(f'/proc/{run.pid}/task/{run.pid}/children')
    return [int(number) for number in found.read_text().split()] if found.exists() else []


def is_alive(number: int) -> bool:
    """Whether a process can still write."""
    try:
        return Path(f'/proc/{number}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def kill(args: argparse.Namespace, processes: int, out_dir: Path, wanted: int, chance: random.Random) -> dict:
    """Start, wait until so many images are done, kill; how many were done then."""
    run = start(args, processes, out_dir)
    while len(images(written(out_dir))) < wanted:
        if run.poll() is not None:
            raise RuntimeError(f'{processes} processes ended with {run.returncode} by themselves: see {out_dir}.log')
        time.sleep(POLL * chance.random())
    time.sleep(chance.random() / 10)  # anywhere in the work on an image
    chosen = workers(run)
    whole = not chosen or chance.random() < 0.5
    for number in (run.pid, *chosen) if whole else (chance.choice(chosen), ):
        os.kill(number, signal.SIGKILL)
    run.wait()
    while any(is_alive(number) for number in chosen):  # those that torchrun had started
        time.sleep(POLL)
    return dict(processes=processes, wanted=wanted, done=len(images(written(out_dir))), whole=whole)


def compare(out_dir: Path, expected: Path) -> int:
    """How many rows there are, the same as expected to the last byte, masks too."""
    rows = (out_dir / 'results.jsonl').read_bytes()
    if rows != (expected / 'results.jsonl').read_bytes():
        raise AssertionError(f'{out_dir}/results.jsonl and {expected}/results.jsonl differ')
    names = [json.loads(line)['mask'] for line in rows.splitlines()]
    for name in names:
        if (out_dir / name).read_bytes() != (expected / name).read_bytes():
            raise AssertionError(f'{out_dir / name} and {expected / name} differ')
    left = {path.name for path in out_dir.iterdir()} - {'.lock', 'masks', 'results.jsonl', 'settings.json'}
    if left or len(set(names)) != len(names):
        raise AssertionError(f'{out_dir} has more than it should: {sorted(left)}')
    return len(names)


def be_killed(args: argparse.Namespace, out_dir: Path, total: int) -> List[dict]:
    """Kill a run so many times; what stood there each time, of which nothing may be lost or made anew."""
    chance, found = random.Random(args.seed), []
    moments = sorted(chance.sample(range(1, total), args.kills))
    for number, wanted in enumerate(moments):
        before = {row['mask']: (out_dir / row['mask']).stat().st_mtime_ns for row in written(out_dir)
                  if row['image'] in images(written(out_dir))} if out_dir.exists() else {}
        found.append(kill(args, args.restarts[number % len(args.restarts)], out_dir, wanted, chance))
        now = {row['mask'] for row in written(out_dir)}
        again = [name for name, at in before.items() if (out_dir / name).stat().st_mtime_ns != at]
        if not before.keys() <= now or again:
            raise AssertionError(f'kill {number}: {len(before.keys() - now)} rows were lost, {len(again)} made anew')
        print(json.dumps(found[-1]), flush=True)
    return found


def main() -> None:
    """Measure, compare, kill, print."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('images')
    parser.add_argument('expressions')
    parser.add_argument('--model', required=True)
    parser.add_argument('--processes', type=int, nargs='+', default=[1, 2, 3])
    parser.add_argument('--kills', type=int, default=10)
    parser.add_argument('--restarts', type=int, nargs='+', default=[1, 2, 3], help='processes of each start')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, help='write the rows to this .json file')
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for processes in args.processes:
            out_dir = Path(temporary) / str(processes)
            times = finish(args, processes, out_dir)
            count = compare(out_dir, Path(temporary) / str(args.processes[0]))
            rows.append(dict(processes=processes, rows=count, **times,
                             ratio=times['seconds'] / (rows[0]['seconds'] if rows else times['seconds'])))
            print(json.dumps(rows[-1]), flush=True)
        killed, done = [], Path(temporary) / 'killed'
        if args.kills:
            total = len(images(written(Path(temporary) / str(args.processes[0]))))
            killed = be_killed(args, done, total)
            finish(args, args.restarts[args.kills % len(args.restarts)], done)
            print(f'{compare(done, Path(temporary) / str(args.processes[0]))} rows after {args.kills} kills, '
                  'each once, the same as of one run')
    table = PrettyTable(['processes', 'rows', 's', 'x the first', 'CPU s'], align='r')
    for row in rows:
        table.add_row([row['processes'], row['rows'], *(f'{row[key]:.2f}' for key in ('seconds', 'ratio', 'cpu'))])
    print(f'{machine("cpu")}\n{table}')
    save(args.out, 'cpu', rows=rows, kills=killed)


if __name__ == '__main__':
    sys.exit(run_command(main))
