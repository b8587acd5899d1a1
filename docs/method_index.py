"""Writes docs/en/method_index.md, method → class → file → config → test:  python docs/method_index.py [FILE]

Read from the sources alone. A class belongs to a method whose configs name it (in their own folder, or in a file of
``configs/_base_/models`` that begins with the method's name), and so do the parts that its file imports.
"""

import ast
import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import Dict, List, Set

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs/en/method_index.md'
METHODS = dict(lavt='LAVT', sadlr='SADLR', cgan="CGAN's cascade", lts='LTS', cmpc='CMPC', vlt='VLT',
               s2rm='S²RM and CASG', m3att='M³Att', caris='CARIS', rela='ReLA',
               cris='CRIS', detris='DETRIS', foundation='Without training')
SHARED = 'Shared'
# Whose a part is that several methods' configs name, or that one happens to name alone.
OWNERS = dict(PWAM='lavt', PWAMFusion=SHARED, LFRHead='m3att', VLTDecoder='vlt', ExistenceHead=SHARED, LTSDecoder='lts',
              PriorConcat='lts', LocateHead='lts', RelevanceFilter='lts', MaskFeatureDecoder=SHARED)
# Where an option, not a type, brings a part in.
CONFIGS = dict(GenericDecLayer='m3att/ablations/m3att_darknet53_refcoco_generic3.py')
# Where parts are looked for; a method's parts import one another from here.
PARTS = ('backbones', 'adapters', 'text_encoders', 'fusion', 'necks', 'decoders', 'decode_heads', 'losses',
         'foundation', 'segmentors')
# What a part stands on, of which no method consists.
BASES = re.compile(r'Base\w+|LastLevelFusion|Vocabulary|\w+Plan|Window\w+|RefTestCfg|ExpressionRows|Found|Boxes|'
                   r'FoundationSegmentor|ImageListPreprocessor|SquareImageProcessor')
HEAD = """<!-- Written by docs/method_index.py from the sources: change those. -->
# Index of methods

Method → class → file → config → test. What a method is: its page under [methods](methods/lavt.md); all its configs: the
README of its folder. The config is one that has the class.
"""


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding='utf-8'))


@cache
def part_files() -> Dict[str, Path]:
    """Every public class of the models: name -> file."""
    files = {}
    for folder in PARTS:
        for path in sorted((ROOT / 'mmrefseg/models' / folder).glob('*.py')):
            for node in tree(path).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith('_') and not BASES.fullmatch(node.name):
                    files[node.name] = path
    return files


def first_line(name: str) -> str:
    """The first line of a class' docstring."""
    node, = (node for node in tree(part_files()[name]).body if getattr(node, 'name', None) == name)
    line = ast.get_docstring(node).splitlines()[0].rstrip('.').replace('|', '\\|')
    return re.sub(r':\w+:(`[^`]+`)', r'\1', line).replace('``', '`')


@cache
def imported_parts(name: str) -> Set[str]:
    """The parts that a class' file imports or defines, and theirs."""
    found, waiting = set(), [part_files()[name]]
    while waiting:
        path = waiting.pop()
        imports = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom)]
        names = {alias.name for node in imports for alias in node.names}
        names |= {node.name for node in tree(path).body if isinstance(node, ast.ClassDef)}
        for part in (names & part_files().keys()) - found:
            found.add(part)
            waiting.append(part_files()[part])
    return found


@cache
def named_types(path: Path) -> Set[str]:
    """The parts that a config file names as ``type='X'``."""
    types = {keyword.value.value for keyword in ast.walk(tree(path))
             if isinstance(keyword, ast.keyword) and keyword.arg == 'type' and isinstance(keyword.value, ast.Constant)}
    return types & part_files().keys()


@cache
def bases(path: Path) -> List[Path]:
    """The files below a config, itself included; other packages' are left out."""
    files = [path]
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', None) == '_base_':
            for name in [node.value.value] if isinstance(node.value, ast.Constant) else ast.literal_eval(node.value):
                if '::' not in name:
                    files += bases(Path(os.path.normpath(path.parent / name)))
    return files


def configs_of(method: str) -> List[Path]:
    """A method's configs: published ones first, ablations after them, small ones last."""
    paths = (ROOT / 'configs' / method).rglob('*.py')
    return sorted(paths, key=lambda path: ('nano' in path.name, 'ablations' in path.parts,
                                           '_refcoco.py' not in path.name, path.name.replace('_', ' ')))


def classes_of(method: str) -> Set[str]:
    """The classes that a method's configs name, and what those import."""
    files = [*configs_of(method), *(ROOT / 'configs/_base_/models').glob(f'{method}*.py')]
    named = set().union(*map(named_types, files))
    return named.union(*map(imported_parts, named))


@cache
def test_files() -> Dict[Path, str]:
    """Every test file: path -> text."""
    return {path: path.read_text(encoding='utf-8') for path in sorted((ROOT / 'tests').rglob('test_*.py'))}


def tests_of(name: str) -> List[Path]:
    """The tests named as the class' file or as those of the parts it is in; where there are none, three that use it."""
    named = [f'test_{part_files()[part].stem}.py' for part in [name, *users_of(name)]]
    own = sorted((path for path in test_files() if path.name in named), key=lambda path: named.index(path.name))
    return own or [path for path, text in test_files().items() if re.search(rf'\b{name}\b', text)][:3]


def users_of(name: str) -> List[str]:
    """The parts that a part is a part of, the closest first."""
    users = [part for part in part_files() if part != name and name in imported_parts(part)]
    return sorted(users, key=lambda part: (len(imported_parts(part)), part))


def link(path: Path) -> str:
    """A link from the page to a file of the repository."""
    return f'[{path.name}](../../{path.relative_to(ROOT).as_posix()})'


def config_of(name: str, configs: List[Path]) -> Path:
    """The first config that has a class, by itself or inside another part."""
    if name in CONFIGS:
        return ROOT / 'configs' / CONFIGS[name]
    for part in [name, *users_of(name)]:
        for path in configs:
            if any(part in named_types(base) for base in bases(path)):
                return path
    raise ValueError(f'no config has {name}, of {part_files()[name]}')


def row(name: str, configs: List[Path]) -> str:
    """A class' row of the table."""
    cells = [f'`{name}`<br>{link(part_files()[name])}', first_line(name), link(config_of(name, configs)),
             '<br>'.join(map(link, tests_of(name)))]
    return f'| {" | ".join(cells)} |'


def page() -> str:
    """The whole page.

    Raises:
        ValueError: A class that no config has.
    """
    classes = {method: classes_of(method) for method in METHODS}
    sections = {title: [] for title in [*METHODS.values(), SHARED]}
    for name in sorted(part_files()):
        methods = [method for method in METHODS if name in classes[method]]
        owner = OWNERS.get(name, methods[0] if len(methods) == 1 else SHARED)
        sections[METHODS.get(owner, SHARED)].append(name)
    configs = {title: configs_of(method) for method, title in METHODS.items()}
    configs[SHARED] = [path for paths in configs.values() for path in paths] + configs_of('mixing')
    lines = [HEAD]
    for title, names in sections.items():
        lines += [f'## {title}\n', '| class and file | what it does | config | tests |', '|---|---|---|---|']
        lines += [row(name, configs[title]) for name in names] + ['']
    return '\n'.join(lines)


if __name__ == '__main__':
    (Path(sys.argv[1]) if sys.argv[1:] else PAGE).write_text(page(), encoding='utf-8')
