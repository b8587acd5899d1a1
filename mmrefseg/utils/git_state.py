"""Which code a run ran: the commit of a checkout and what was changed since."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import List, NamedTuple, Optional, Union

# Untracked files up to this many bytes go into the patch; larger ones, data as a rule, are named alone.
LARGEST_UNTRACKED = 2**18
MOST_UNTRACKED = 200


class GitState(NamedTuple):
    """A checkout.

    Args:
        root (str): Its folder.
        commit (str | None): What is checked out; None before the first commit.
        branch (str | None): None on a detached head.
        dirty (bool): Whether tracked files are changed or files are there that git neither tracks nor ignores.
        untracked (list[str]): Those files, the first 200.
        patch (str): ``git apply``-able: all changes since the commit, small untracked files among them.
    """

    root: str
    commit: Optional[str]
    branch: Optional[str]
    dirty: bool
    untracked: List[str]
    patch: str


def git_state(folder: Union[str, Path]) -> Optional[GitState]:
    """The state of the checkout in which a folder lies.

    Returns:
        GitState | None: None outside of a checkout, where git is missing, and for a folder that the checkout
        ignores (site-packages of an environment inside it).
    """
    root = _git(folder, 'rev-parse', '--show-toplevel')
    if root is None or _git(folder, 'check-ignore', '-q', '.') is not None:
        return None
    root = root.strip()
    commit = _git(root, 'rev-parse', '-q', '--verify', 'HEAD')
    branch = _git(root, 'symbolic-ref', '-q', '--short', 'HEAD')
    listed = _git(root, 'ls-files', '-z', '--others', '--exclude-standard') or ''
    untracked = [name for name in listed.split('\0') if name]
    patch = _patch(root, commit, untracked[:MOST_UNTRACKED])
    return GitState(root, commit and commit.strip(), branch and branch.strip(), bool(patch or untracked),
                    untracked[:MOST_UNTRACKED], patch)


def _patch(root: str, commit: Optional[str], untracked: List[str]) -> str:
    """All changes since the commit; small untracked files count as added, in a copy of the index."""
    before = commit or _git(root, 'hash-object', '-t', 'tree', os.devnull)  # of no commit, an empty tree
    small = [name for name in untracked if Path(root, name).is_file()
             and Path(root, name).stat().st_size <= LARGEST_UNTRACKED]
    index = Path(root, (_git(root, 'rev-parse', '--git-path', 'index') or '').strip())
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, 'index')
        if index.is_file():
            shutil.copy(index, copy)
        environment = dict(os.environ, GIT_INDEX_FILE=str(copy))
        if small:
            _git(root, 'add', '--intent-to-add', '--', *(f':(literal){name}' for name in small), env=environment)
        difference = ('diff', '--binary', '--no-color', '--no-ext-diff', before.strip(), '--')
        return _git(root, *difference, env=environment) or ''


def _git(folder: Union[str, Path], *arguments: str, env: Optional[dict] = None) -> Optional[str]:
    """The output of a git command, None if it fails."""
    try:
        done = subprocess.run(['git', '-C', str(folder), *arguments], capture_output=True, timeout=60, env=env)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode('utf-8', 'surrogateescape') if done.returncode == 0 else None
