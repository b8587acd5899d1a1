"""State of a checkout: its commit and what was changed since."""

import os
import subprocess
from pathlib import Path
from typing import List, NamedTuple, Optional, Union

# Untracked files are named and never read: a key or a password may lie among them.
MOST_UNTRACKED = 200


class GitState(NamedTuple):
    """A checkout.

    Args:
        root (str): Its folder.
        commit (str | None): What is checked out; None before the first commit.
        branch (str | None): None on a detached head.
        dirty (bool): Whether tracked files are changed or files are there that git neither tracks nor ignores.
        untracked (list[str]): Those files, the first 200.
        patch (str): ``git apply``-able: all changes of tracked files since the commit.
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
    patch = _patch(root, commit)
    return GitState(root, commit and commit.strip(), branch and branch.strip(), bool(patch or untracked),
                    untracked[:MOST_UNTRACKED], patch)


def _patch(root: str, commit: Optional[str]) -> str:
    """All changes of tracked files since the commit."""
    before = commit or _git(root, 'hash-object', '-t', 'tree', os.devnull)  # of no commit, an empty tree
    return _git(root, 'diff', '--binary', '--no-color', '--no-ext-diff', before.strip(), '--') or ''


def _git(folder: Union[str, Path], *arguments: str) -> Optional[str]:
    """The output of a git command, None if it fails."""
    try:
        done = subprocess.run(['git', '-C', str(folder), *arguments], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode('utf-8', 'surrogateescape') if done.returncode == 0 else None
