"""Choice of the checkpoint of a work dir that a training goes on from."""

import logging
import re
from pathlib import Path
from typing import List, Optional, Tuple

from mmengine.logging import print_log
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner import runner as mmengine_runner

from mmrefseg.errors import CheckpointError, first_lines

from .file_kind import ZIP, kind_of_file
from .torch_files import check_whole

NUMBERED = re.compile(r'(?!best_)(?:.*_)?(\d+)\.pth')
WITHIN_EPOCH = re.compile(r'epoch_(\d+)_iter_(\d+)\.pth')
POINTER = 'last_checkpoint'


def find_latest_checkpoint(path: str) -> Optional[str]:
    """Find the checkpoint of a work dir that a training goes on from.

    It is the one that ``last_checkpoint`` names, looked for in the folder at hand (the folder may have been copied or
    moved since); where that is torn or nobody knows it, the newest before it that is whole. What is passed over is
    logged.

    Args:
        path (str): The work dir.

    Returns:
        str | None: The file; None where there is no checkpoint.

    Raises:
        CheckpointError: There are some, and none is whole.
    """
    folder = Path(path)
    named = _named(folder)
    candidates = _numbered(folder)
    if named is not None:
        place = place_of(named.name)
        if place:  # what is newer was not finished, or is of another training
            candidates = [each for each in candidates if place_of(each.name) <= place]
        if named.is_file():
            candidates = [named, *(each for each in candidates if each.name != named.name)]
        elif candidates:
            print_log(f'{named} is not there: taking the one before it', 'current', logging.WARNING)
    torn: List[str] = []
    for each in candidates:
        try:
            if kind_of_file(str(each)) == ZIP:
                check_whole(str(each))
        except (CheckpointError, OSError) as error:
            torn.append(f'{each}: {error}')
            print_log(f'{each} is passed over, it is not whole: {error}', 'current', logging.WARNING)
            continue
        return str(each)
    if torn:
        raise CheckpointError(f'no checkpoint in {folder} is whole, the training cannot go on:{first_lines(torn)}')
    print_log(f'{folder} holds no checkpoint to go on from: the training begins at its start', 'current',
              logging.WARNING)
    return None


def place_of(name: str) -> Optional[Tuple[int, int]]:
    """Read off the name of a checkpoint how far its training was.

    Args:
        name (str): Of the file.

    Returns:
        tuple[int, int] | None: Epochs (or iterations) that were done, and steps in all where it was within an epoch,
        else 0; None for a best checkpoint and for other files.
    """
    within = WITHIN_EPOCH.fullmatch(name)
    if within:
        return int(within[1]), int(within[2])
    number = NUMBERED.fullmatch(name)
    return (int(number[1]), 0) if number else None


def register_door() -> None:
    """Let mmengine's runner find the latest checkpoint by this door."""
    for module in (mmengine_checkpoint, mmengine_runner):
        module.find_latest_checkpoint = find_latest_checkpoint


def _named(folder: Path) -> Optional[Path]:
    """Checkpoint that ``last_checkpoint`` names, in this folder; elsewhere only where a hook's ``out_dir`` put it."""
    pointer = folder / POINTER
    try:
        text = pointer.read_text(encoding='utf-8').strip() if pointer.is_file() else ''
    except (OSError, UnicodeDecodeError):
        text = ''
    if not text or '\0' in text:
        if pointer.exists():
            print_log(f'{pointer} names no checkpoint: looking for the newest one', 'current', logging.WARNING)
        return None
    there = Path(text.replace('\\', '/'))
    here = folder / there.name
    # CheckpointHook(out_dir=X) writes to X and the name of the work dir.
    if not here.is_file() and not _numbered(folder) and there.parent.name == folder.resolve().name and there.is_file():
        return there
    return here


def _numbered(folder: Path) -> List[Path]:
    """Checkpoints of a training, the newest first."""
    found = {path: place_of(path.name) for path in folder.glob('*.pth')}
    return sorted((path for path, place in found.items() if place), key=found.get, reverse=True)
