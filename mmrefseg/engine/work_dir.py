"""Work dirs: one a config, one training at a time, and nothing in them overwritten by a new start."""

import os
from pathlib import Path
from typing import Optional

from mmengine.config import Config
from mmengine.dist import get_dist_info

from mmrefseg.utils.folder_lock import FolderLock


def default_work_dir(config: str) -> str:
    """The work dir of a config file: ``work_dirs/`` with its path below ``configs/``, or below the present folder.

    Many configs share their file's name with another method's; their folders tell them apart.

    Args:
        config (str): Path of the file.
    """
    path = Path(os.path.abspath(config)).with_suffix('')
    parts = path.parts
    if 'configs' in parts[:-1]:
        below = parts[len(parts) - parts[::-1].index('configs'):]
    elif path.is_relative_to(Path.cwd()):
        below = path.relative_to(Path.cwd()).parts
    else:
        below = parts[-2:]
    return Path('work_dirs', *[part for part in below if part != os.sep]).as_posix()


def claim_work_dir(cfg: Config) -> Optional[FolderLock]:
    """Keep the work dir for this training; the first process of a distributed one does.

    Args:
        cfg (Config): With ``work_dir`` and ``resume``.

    Returns:
        FolderLock | None: To be released at the end; None in the other processes.

    Raises:
        BlockingIOError: Another training is at work there.
        FileExistsError: Checkpoints lie there and ``resume`` is not set.
    """
    if get_dist_info()[0] != 0 or int(os.environ.get('RANK', os.environ.get('SLURM_PROCID', 0))) != 0:
        return None
    folder = Path(cfg.work_dir)
    lock = FolderLock(folder, 'a training')
    found = sorted(path.name for path in folder.glob('*.pth'))
    if found and not cfg.get('resume'):
        lock.release()
        names = ', '.join(found[:3]) + (' …' if len(found) > 3 else '')
        raise FileExistsError(
            f'{folder} holds checkpoints ({names}), which a new training would overwrite. Go on with it:  --resume   '
            f'Begin elsewhere:  --work-dir {_next_free(folder)}')
    return lock


def _next_free(folder: Path) -> Path:
    """A folder beside this one that is not there yet."""
    number = 2
    while folder.with_name(f'{folder.name}_{number}').exists():
        number += 1
    return folder.with_name(f'{folder.name}_{number}')
