"""Several files of a folder that belong together: all of them new, or all as they were, whoever kills the process."""

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Dict, Union

from .whole_file import disk_full

# Folders for files that are being written, for those that they replace until all is done, and for those to be removed.
NEW, OLD, DONE = '.new.part', '.old.part', '.done.part'


def write_together(folder: Union[str, Path], files: Dict[str, bytes]) -> None:
    """Write files that mean something only together.

    They are written aside; then the old ones go aside, the last name first; then the new ones take their places, the
    last name last: if that one is new, all are. Of a process that is killed before :func:`restore` makes what was.

    Args:
        folder (str | Path): Their folder; it is made.
        files (dict[str, bytes]): By name.

    Raises:
        OSError: They cannot be written; of a full disk the message has the path, and the space wanted and there.
    """
    folder = Path(folder)
    restore(folder)
    try:
        (folder / NEW).mkdir(parents=True)
        for name, content in files.items():
            _write(folder / NEW / name, content)
        (folder / OLD).mkdir()
        _write(folder / OLD / '.names', json.dumps(list(files)).encode())
        for name in reversed(files):
            if (folder / name).exists():
                os.replace(folder / name, folder / OLD / name)
        _write(folder / OLD / '.all_aside', b'')
        for name in files:
            os.replace(folder / NEW / name, folder / name)
        os.replace(folder / OLD, folder / DONE)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        path, wanted = str(folder / next(iter(files))), sum(map(len, files.values()))
        raise OSError(errno.ENOSPC, disk_full(path, wanted)) from error
    finally:
        restore(folder)


def restore(folder: Union[str, Path]) -> None:
    """Bring a folder back to what it was before a :func:`write_together` that was killed, or finish one that had done.

    Args:
        folder (str | Path): The folder.
    """
    folder = Path(folder)
    old = folder / OLD
    if old.is_dir():
        names = json.loads((old / '.names').read_text() or '[]') if (old / '.names').is_file() else []
        if (old / '.all_aside').exists() and not (folder / names[-1]).exists():
            for name in names:  # new ones, of which the last is missing
                (folder / name).unlink(missing_ok=True)
        elif (old / '.all_aside').exists():
            names = []  # all are new
        for name in names:
            if (old / name).exists():
                os.replace(old / name, folder / name)
        os.replace(old, folder / DONE)
    for name in (NEW, DONE):
        shutil.rmtree(folder / name, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with open(path, 'wb') as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
