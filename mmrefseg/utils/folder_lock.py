"""One writer a folder."""

import os
import weakref
from functools import partial
from pathlib import Path
from typing import Union

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = '.lock'


class FolderLock:
    """Keeps a folder for this process until it is released or the process ends, however it ends.

    The folder is made. Processes that this one forks, as the workers of a loader, do not keep it: they may live on for
    seconds when this one was killed. Where the system has no file locks (Windows) it keeps nobody out.

    Args:
        folder (str | Path): The folder.
        purpose (str): What this process does there, for the error that another one gets.

    Raises:
        BlockingIOError: Another process has it.
    """

    def __init__(self, folder: Union[str, Path], purpose: str) -> None:
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._file = open(folder / LOCK, 'a+', encoding='utf-8')
        if fcntl is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a kill lets it go
            except BlockingIOError as error:
                self._file.seek(0)
                holder = self._file.read(200).strip() or 'another process'
                self._file.close()
                raise BlockingIOError(
                    f'{holder} is at work in {folder}: wait for it, or take another folder') from error
        if hasattr(os, 'register_at_fork'):
            os.register_at_fork(after_in_child=partial(_let_go, weakref.ref(self)))
        self._file.truncate(0)
        self._file.write(f'{purpose} (process {os.getpid()})')
        self._file.flush()

    def release(self) -> None:
        """Let others have the folder."""
        self._file.close()


def _let_go(lock: weakref.ref) -> None:
    """Called in a process that was forked: its copy of the open file is closed, the lock stays with its parent."""
    lock = lock()
    if lock is not None:
        lock._file.close()
