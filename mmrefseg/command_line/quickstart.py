"""From nothing to answers, and to a model of one's own, in an empty folder: ``mmrefseg quickstart``."""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, Optional, Sequence

from mmrefseg.datasets.refshapes_generator import DEFAULT_SCENES
from mmrefseg.engine import read_config

BEST = 'lavt_nano_refshapes'
CONFIG = 'lavt/lavt_nano_refshapes_1e'
WORK_DIR = Path('work_dirs/lavt_nano_refshapes_1e')
IMAGE = 'data/images/refshapes/refshapes_val_000001.jpg'
ASKED = ('striped cross left', 'far right striped orange one', 'cross above green cross')
FEWEST = 6  # scenes of a split


def parse_args(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog=prog, description='In the present folder: generated data, answers of a model of the zoo, a training from '
        'the pre-trained nano Swin, its test, images of its predictions; some minutes on two CPU cores. What is done '
        'already is not done again.')
    parser.add_argument('--share', type=float, default=1., help='of the scenes of RefShapes that are generated: 0.02 '
                        'goes the whole way in a minute, to numbers that mean nothing; default: all')
    args = parser.parse_args(arguments)
    if not 0 < args.share <= 1:
        parser.error(f'--share is {args.share}, expected a number above 0, and 1 at most')
    return args


def main(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> int:
    """Go the way, and say what comes next.

    Returns:
        int: The exit status: 0, or that of the step that failed.
    """
    args = parse_args(arguments, prog)
    epochs = read_config(CONFIG).max_epochs
    checkpoint = WORK_DIR / f'epoch_{epochs}.pth'
    for step in list_steps(args.share, checkpoint, epochs):
        if step[0] == 'tool' and step[1] == 'image_demo':
            print(f'The best model of the zoo, {BEST}, answers:', flush=True)
        status = run(step)
        if status:
            print(f'{prog or "quickstart"}: error: it stopped with status {status} at: {command()} {shlex.join(step)}',
                  file=sys.stderr)
            return status
    print(what_is_next(checkpoint))
    return 0


def list_steps(share: float, checkpoint: Path, epochs: int) -> List[List[str]]:
    """List the commands: the training among them only where it has not ended."""
    names = dict(train='--train', val='--val', testA='--test-a', testB='--test-b')
    sizes = [word for split, number in DEFAULT_SCENES.items()
             for word in (names[split], str(max(FEWEST, round(number * share))))]
    steps = [['make-refshapes', 'data', '--workers', '2', *sizes],
             ['tool', 'image_demo', IMAGE, *ASKED, '--config', BEST, '--out-dir', 'outputs/quickstart']]
    newest = read(WORK_DIR / 'last_checkpoint')  # mmengine writes it once the checkpoint is whole
    if Path(newest).name != checkpoint.name:
        steps.append(['train', CONFIG, '--work-dir', str(WORK_DIR), *(['--resume'] if newest else []), '--cfg-options',
                      f'train_cfg.val_begin={epochs + 1}'])  # the test comes next
    return [*steps,
            ['test', CONFIG, str(checkpoint), '--splits', 'val', 'testA', 'testB', '--work-dir', str(WORK_DIR), '--out',
             str(WORK_DIR / 'metrics.json')],
            ['tool', 'prediction_grid', CONFIG, str(checkpoint), '--out', str(WORK_DIR / 'predictions.png')]]


def run(step: Sequence[str]) -> int:
    """Run a command of mmrefseg in a process of its own; its exit status."""
    environment = dict(os.environ, PYTHONWARNINGS='ignore')
    return subprocess.run([sys.executable, '-m', 'mmrefseg', *step], env=environment).returncode


def read(path: Path) -> str:
    """The text of a file, '' where there is none."""
    return path.read_text(encoding='utf-8').strip() if path.is_file() else ''


def command() -> str:
    """How this program is called: by the script's name where the shell finds it, by its path, or as a module."""
    script = Path(sys.argv[0])
    if script.name != 'mmrefseg':
        return f'{sys.executable} -m mmrefseg'
    found = shutil.which('mmrefseg')
    return 'mmrefseg' if found and Path(found).resolve() == script.resolve() else str(script)


def what_is_next(checkpoint: Path) -> str:
    """Say where everything is, and what to type next."""
    mmrefseg = command()
    return f"""
Answers of the zoo's {BEST}: outputs/quickstart
Predictions of your own model beside the truth: {WORK_DIR / 'predictions.png'}
The table above: val; testA, one family of shapes; testB, pairs of kind and colour never seen in training.
Does it read?  Give every expression to another object of its image, and the numbers fall:
  {mmrefseg} test {CONFIG} {checkpoint} --shuffle-expressions
Your own image:
  {mmrefseg} tool image_demo IMAGE "the red circle" --config {CONFIG} --weights {checkpoint}
Train it to the end (docs/en/model_zoo.md has what that gives):
  {mmrefseg} train lavt/lavt_nano_refshapes
Next, on eight GPUs with RefCOCO under data/ ({mmrefseg} prepare-refcoco data tells what is missing):
  torchrun --nproc-per-node 8 -m mmrefseg train lavt/lavt_swinb_refcoco --launcher pytorch"""
