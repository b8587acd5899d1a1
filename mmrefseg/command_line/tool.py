"""Tools of the repository where there is none: ``mmrefseg tool change_vocab OLD.pth NEW.pth --old A.py --new B.py``."""

import ast
import difflib
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Dict, Optional, Sequence

from mmrefseg.utils.find_config import package_files

from .run_command import DEBUG

FOLDERS = ('tools', 'demo')


def list_tools() -> Dict[str, Path]:
    """List the tools: name -> file. In a wheel those are left out that write the repository's own pages."""
    root = package_files()
    return {path.stem: path for folder in FOLDERS for path in sorted((root / folder).rglob('*.py'))}


def main(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> None:
    """Run a tool, or list them.

    Raises:
        ValueError: There is none of that name; the message has the nearest ones.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    tools = list_tools()
    if not arguments or arguments[0] in ('-h', '--help'):
        print(f'usage: {prog or "tool"} NAME …\n')
        width = max(map(len, tools))
        for name, path in tools.items():
            print(f'  {name:{width}} {title_of(path)}')
        print('\nNAME --help says more.')
        raise SystemExit(0 if arguments else 2)
    name, *rest = arguments
    stem = Path(name).stem
    if stem not in tools:
        near = difflib.get_close_matches(stem, tools)
        raise ValueError(f'no tool is called {name!r}' + (f': near it are {", ".join(near)}' if near else '')
                         + f'; {prog or "tool"} lists them')
    debug = [DEBUG] if DEBUG in sys.orig_argv else []  # which the door of the command took
    sys.argv = [f'{prog or "tool"} {stem}', *rest, *debug]
    # Not by runpy, which would put the file's path in the place of the name above.
    spec = spec_from_file_location('__main__', tools[stem])
    module = sys.modules['__main__'] = module_from_spec(spec)
    module.__spec__ = None  # it is a script: other processes that it spawns read its file
    spec.loader.exec_module(module)


def title_of(path: Path) -> str:
    """The first line of a tool's docstring, without running it."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding='utf-8'))) or ''
    return text.split('\n')[0].rstrip(':.')
