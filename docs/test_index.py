"""Writes docs/en/test_index.md, class → file → tests, for every public class:  python docs/test_index.py [FILE]

Read from the sources alone. A test of a class is the file named as the class' own, or any that says its name or its
module's, or that of a file that uses it.
"""

import ast
import re
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Dict, List

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs/en/test_index.md'
MOST = 4
HEAD = """<!-- Written by docs/test_index.py from the sources: change those. -->
# Index of tests

Every public class, its file and the tests that it stands in: the file named as the class' own first, then those that
say its name, else those of the files that use it. How parts of methods and configs hang together: [index of
methods](method_index.md).
"""


@cache
def package_files() -> Dict[Path, str]:
    """Every file of the package: path -> text."""
    return {path: path.read_text(encoding='utf-8') for path in sorted((ROOT / 'mmrefseg').rglob('*.py'))
            if '.mim' not in path.parts}


@cache
def classes() -> Dict[str, Path]:
    """Every public class of the package: name -> file."""
    found = {}
    for path, text in package_files().items():
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith('_'):
                found[node.name] = path
    return found


@cache
def tests() -> Dict[Path, str]:
    """Every test file: path -> text, with what helpers beside it say."""
    return {path: path.read_text(encoding='utf-8') for path in sorted((ROOT / 'tests').rglob('*.py'))}


def tests_of(name: str) -> List[Path]:
    """The test files of a class, its own first, then those that say its name, then those of its module."""
    path = classes()[name]
    own = [test for test in tests() if test.name == f'test_{path.stem}.py']
    say = [test for test, text in tests().items() if test.name.startswith('test_') and re.search(rf'\b{name}\b', text)]
    use = [test for test, text in tests().items() if test.name.startswith('test_') and dotted(path) in text]
    return list(dict.fromkeys([*own, *say, *use])) or tests_of_users(name)


def tests_of_users(name: str) -> List[Path]:
    """The tests of the files that use a class, or use those that do, whichever are the closest."""
    seen = {classes()[name]}
    nearest = {path for path, text in package_files().items() if re.search(rf'\b{name}\b', text)} | seen
    while nearest:
        found = [test for test, text in tests().items() if test.name.startswith('test_') and any(
            test.stem == f'test_{path.stem}' or dotted(path) in text for path in nearest)]
        if found:
            return found
        seen |= nearest
        names = '|'.join(re.escape(dotted(path).rpartition('.')[2]) for path in nearest)
        nearest = {path for path, text in package_files().items() if path not in seen and re.search(
            rf'^ *from (\S*\b({names}) import|\S+ import (.*\b)?({names})\b)', text, flags=re.MULTILINE)}
    return []


def dotted(path: Path) -> str:
    """The module of a file, the package of an ``__init__``."""
    return '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')


def page() -> str:
    """The whole page."""
    rows = defaultdict(list)
    for name, path in sorted(classes().items()):
        found = tests_of(name)
        links = ', '.join(link(test) for test in found[:MOST]) + (' …' if len(found) > MOST else '')
        rows[path.parent].append(f'| `{name}` | {link(path)} | {links or "none"} |')
    lines = [HEAD]
    for folder in sorted(rows):
        lines += [f'## {folder.relative_to(ROOT).as_posix()}\n', '| class | file | tests |', '|---|---|---|']
        lines += [*rows[folder], '']
    return '\n'.join(lines)


def link(path: Path) -> str:
    """A link from the page to a file of the repository."""
    return f'[{path.name}](../../{path.relative_to(ROOT).as_posix()})'


if __name__ == '__main__':
    (Path(sys.argv[1]) if sys.argv[1:] else PAGE).write_text(page(), encoding='utf-8')
