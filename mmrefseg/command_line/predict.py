"""Masks of many images: ``python -m mmrefseg predict photos expressions.txt --model NAME --out-dir predictions``."""

import argparse
import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import List, Optional, Sequence, Set, Tuple

import torch
from mmengine.dist import get_rank, get_world_size, is_main_process
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmrefseg.apis import RefSegInferencer
from mmrefseg.apis.prediction_folder import PredictionFolder
from mmrefseg.apis.prediction_tasks import PredictionTask, read_expressions, read_tasks
from mmrefseg.apis.ref_seg_inferencer import is_checkpoint
from mmrefseg.engine import read_config
from mmrefseg.errors import RefDataError, first_lines
from mmrefseg.exported import ExportedSegmentor
from mmrefseg.models import brings_weights
from mmrefseg.utils import keep_freed_memory
from mmrefseg.utils.processes import LAUNCHERS, default_launcher, from_main, joined, of_all

#: Exit status where some images could not be read.
SOME_BROKEN = 3
OVERLAYS = '.overlays'


def parse_args(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=prog, description='Segment what expressions refer to, in many pictures. Stopped or killed, the same '
        'command goes on where it was. Exit status: 0, or 3 if some pictures could not be read, 2 if nothing could '
        'be begun.')
    parser.add_argument('images', help="a folder, an image or a pattern in quotes ('photos/**/*.jpg')")
    parser.add_argument('expressions', help='.txt: an expression a line, for every picture; .csv, .tsv, .json, .jsonl: '
                        'a list with image (a path below the folder) and expression')
    parser.add_argument('--model', help='name in the zoo, config or its name, or an .onnx file; default: what the '
                        'weights say')
    parser.add_argument('--weights', help="checkpoint file; default: the zoo's; without --model, its own config is "
                        'read as values')
    parser.add_argument('--allow-partial', action='store_true', help='take weights that do not all fit the model')
    parser.add_argument('--out-dir', default='predictions', help='default: %(default)s')
    parser.add_argument('--overlays', action='store_true', help='draw a picture of the predictions of each picture')
    parser.add_argument('--as-stored', action='store_true', help='ignore the EXIF orientation of photographs: masks '
                        'are of the pixels as the file stores them')
    parser.add_argument('--batch-size', type=int, default=1, help='pictures at a time')
    parser.add_argument('--device', help='for example cuda:0 or cpu')
    parser.add_argument('--amp', action='store_true', help='mixed precision')
    parser.add_argument('--launcher', choices=LAUNCHERS, default=default_launcher(), help='what starts several '
                        'processes, which share the pictures: torchrun (found by itself) or srun')
    parser.add_argument('--compile', action='store_true', help='torch.compile: pays for many pictures')
    args = parser.parse_args(arguments)
    check_model(parser, args)
    if args.batch_size < 1:
        parser.error(f'--batch-size must be at least 1, found {args.batch_size}')
    return args


def check_model(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with an error where ``--model`` and ``--weights`` give no trained model."""
    if args.model is None and args.weights is None:
        parser.error('expected --model, --weights or both')
    if is_checkpoint(args.model):
        parser.error(f'--model {args.model} is a checkpoint: give it as  --weights {args.model}  (with --model CONFIG; '
                     'without, its own config is taken)')
    if args.weights is None and is_random(args.model):
        parser.error(f'{args.model} is a config, whose model is random without --weights')


def is_random(model: str) -> bool:
    """bool: Whether a model needs weights that its name does not give: a config file's, unless it brings them."""
    if not Path(model).is_file() or model.endswith('.onnx') or is_checkpoint(model):
        return False
    return not brings_weights(read_config(model).get('model') or {})


def main(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> int:
    """Predict, report.

    Returns:
        int: The exit status.
    """
    args = parse_args(arguments, prog)
    keep_freed_memory()
    with joined(args.launcher) as local_rank:
        if args.device is None and torch.cuda.is_available() and get_world_size() > 1:
            args.device = f'cuda:{local_rank}'
        return run(args)


def run(args: argparse.Namespace) -> int:
    """Predict this process' share of the images; the main process opens the folder, writes the results and reports.

    Returns:
        int: The exit status, the same in all processes.
    """
    # One process looks what there is: while files come and go two would not share the same.
    images, tasks, left_out = from_main(lambda: read_tasks(args.images, args.expressions, args.out_dir))
    main_process = is_main_process()
    if left_out and main_process:
        print(f'{len(left_out)} files are left out, whose names are none of pictures:' + first_lines(left_out, 5),
              file=sys.stderr)
    inferencer = RefSegInferencer(
        args.model, args.weights, args.device, args.amp, show_progress=False, compile=args.compile,
        allow_partial=args.allow_partial, upright=not args.as_stored)
    opened = []

    def begin() -> Set[str]:
        opened.append(PredictionFolder(args.out_dir, settings_of(inferencer, args, images), 0, get_world_size()))
        return {task.name for task in opened[0].done(tasks)}

    try:
        done = from_main(begin)
        left = [task for task in tasks if task.name not in done]
        share = left[get_rank()::get_world_size()]
        folder = opened[0] if main_process else PredictionFolder(args.out_dir, {}, get_rank(), get_world_size())
        if not main_process:
            opened.append(folder)
        broken = predict(inferencer, folder, share, args.batch_size, args.overlays)
        folder.close_results()
        broken = sorted((pair for each in of_all(broken) for pair in each), key=lambda pair: pair[0].name)
        from_main(lambda: len(folder.done(tasks)))
    finally:
        for each in opened:
            each.close()
    if not main_process:
        return SOME_BROKEN if broken else 0
    shutil.rmtree(folder.path / OVERLAYS, ignore_errors=True)
    expressions = sum(len(task.expressions) for task in tasks)
    print(f'{len(tasks) - len(broken)} of {len(tasks)} pictures, {expressions} expressions asked for: {folder.path}')
    if broken:
        print(f'{len(broken)} pictures could not be read; they are tried again next time:'
              + first_lines([f'{task.name}: {reason}' for task, reason in broken]), file=sys.stderr)
        return SOME_BROKEN
    return 0


def predict(inferencer: RefSegInferencer, folder: PredictionFolder, tasks: Sequence[PredictionTask], batch_size: int,
            overlays: bool) -> List[Tuple[PredictionTask, str]]:
    """Do tasks that are not done yet.

    Returns:
        list[tuple]: The images that could not be read, each with why.
    """
    drawings = folder.path / OVERLAYS / str(get_rank())  # from where they move to their place, whole
    broken = []
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not is_main_process()) as progress:
        bar = progress.add_task('Images', total=len(tasks))
        for start in range(0, len(tasks), batch_size):
            batch = tasks[start:start + batch_size]
            for task, result in segment(inferencer, batch, drawings if overlays else None):
                if isinstance(result, str):
                    broken.append((task, result))
                else:
                    folder.add(task, result)
                progress.advance(bar)
    return broken


def segment(inferencer: RefSegInferencer, batch: Sequence[PredictionTask],
            drawings: Optional[Path]) -> List[Tuple[PredictionTask, object]]:
    """Each task of a batch with the inferencer's result, or with the reason why its image cannot be read."""
    try:
        results = inferencer([task.path for task in batch], [task.expressions for task in batch], len(batch), drawings)
    except RefDataError as error:
        if len(batch) == 1:
            return [(batch[0], str(error))]
        return [pair for task in batch for pair in segment(inferencer, [task], drawings)]
    return list(zip(batch, results))


def settings_of(inferencer: RefSegInferencer, args: argparse.Namespace, folder: str) -> dict:
    """Collect what predictions depend on: model, weights, precision, folder and expressions."""
    said = read_expressions(args.expressions)
    lists = [said] if isinstance(said, list) else list(said.values())
    return dict(
        images=folder,
        expressions=dict(first=lists[0][0], number=sum(map(len, lists)), sha256=digest(said)),
        model=args.model,
        config=digest(dict(model=inferencer.cfg.model, pipeline=inferencer.cfg.test_dataloader.dataset.pipeline)),
        weights=digest_of_weights(inferencer.model),
        amp=args.amp,
        as_stored=args.as_stored,
        overlays=args.overlays)


def digest_of_weights(model: torch.nn.Module) -> str:
    """The SHA-256 of a model's weights, or of the file of an exported one."""
    if isinstance(model, ExportedSegmentor):
        return hashlib.sha256(Path(model.session.path).read_bytes()).hexdigest()
    weights = hashlib.sha256()
    for name, value in model.state_dict().items():
        weights.update(name.encode())
        weights.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return weights.hexdigest()


def digest(value: object) -> str:
    """The SHA-256 of something nested."""
    return hashlib.sha256(json.dumps(value, default=repr, sort_keys=True).encode()).hexdigest()
