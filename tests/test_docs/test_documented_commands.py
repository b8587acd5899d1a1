"""Every command that README and docs have people type: the script is there, its parser takes the options, files exist.

A command is run up to the point where its own parser has read it. What it does then is tested where
``test_a_test_runs_it`` looks: each script must be named by another test.
"""

import argparse
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from mmengine.config import Config

from mmrefseg.utils import find_config

PAGES = sorted([ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', ROOT / 'benchmarks/README.md',
                *(ROOT / 'docs').rglob('*.md'), *(ROOT / 'configs').rglob('README.md')])
# What a reader puts something in the place of, with what stands for it here.
PLACEHOLDERS = dict.fromkeys(
    ['CHECKPOINT', 'CONFIG', 'DIR', 'FILE', 'HOST_CONFIG', 'JOB_NAME', 'NAME', 'OFFICIAL.pth', 'PARTITION', 'IMAGE',
     'SADLR_CONFIG', 'WEIGHTS'], 'placeholder') | dict(H='480', W='480')
# Words in capitals that are what they say.
LITERAL = {'LAVT', 'SADLR'}
# Files of the repository; what a page has its reader write is not.
OURS = re.compile(r'(configs|tools|demo|benchmarks|docs|requirements)[/.]')
WRITTEN_ON_THE_PAGE = re.compile(r'configs/my_set/|my_gate\.py')
# Commands of other programs, which no parser of ours can judge, and why they stand there.
OTHERS = {
    r'pip install (-e )?\.': 'installs the checkout, as tools/setup_env.sh does',
    r'pip install -r (\S+)': 'the file is looked for',
    r'pip uninstall -y .+': 'what lies over one another, as mmrefseg.compat says',
    r'pip install [\w-]+(==[\d.]+)?': 'a version is looked for in requirements/',
    r'export MMREFSEG_CACHE_DIR=\S+': 'tests/test_datasets/test_refer_format/test_index_cache.py sets it',
    r'ln -s refer/data data': "makes LAVT-RIS' tree the configs' data/",
    r'hf download \S+ --local-dir \S+': "the hub's own program, for machines without a network",
    r'jupyter execute --inplace docs/en/tutorial.ipynb': 'tests/test_docs/test_tutorial.py runs its cells',
    r'python -m sphinx .+': 'tests/test_docs/test_site.py builds the site',
    r'git \w+ .+': 'the reader\'s own checkout',
    r'mim (train|test|search) mmrefseg .+': "openmim's own; they end in tools/train.py and tools/test.py",
    r'python -m build': 'tests/test_packaging.py builds both files',
    # docs/en/migration.md quotes what the other code bases have their users type.
    r'python (-m torch\.distributed\.launch|-u|vlt\.py|test\.py|train\.py) .+': 'another code base\'s',
}
# At most a file to write, and no parser. (So are the .sh scripts that are no launchers: what they take goes to pytest.)
WITHOUT_OPTIONS = ('docs/method_index.py', 'docs/test_index.py', 'docs/figures/draw_methods.py')
LAUNCHERS = {'dist_train.sh': 'train.py', 'dist_test.sh': 'test.py', 'slurm_train.sh': 'train.py',
             'slurm_test.sh': 'test.py'}


def commands_of(page):
    """The lines of a page's bash blocks, and what its text quotes with its arguments."""
    text = page.read_text(encoding='utf-8')
    blocks = re.findall(r'```(?:bash|shell|sh|console)\n(.*?)```', text, flags=re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.replace('\\\n', ' ').splitlines()]
    prose = re.sub(r'```.*?```', '', text, flags=re.DOTALL)
    quoted = [' '.join(code.split()) for code in re.findall(r'`([^`]+)`', prose)]
    starts = ('python ', 'bash ', 'pip ', 'hf ', 'mmrefseg ', 'python -m ', 'tools/', 'demo/', 'benchmarks/')
    lines += [code for code in quoted if code.startswith(starts) and ' ' in code]
    return [line for line in lines if line and not line.startswith('#')]


COMMANDS = {page.relative_to(ROOT).as_posix(): commands_of(page) for page in PAGES}
COMMANDS = {page: commands for page, commands in COMMANDS.items() if commands}


def words_of(command):
    """A command's words: without variables before it, what stands behind ``>`` and comments."""
    words = shlex.split(command.partition(' > ')[0], comments=True)
    while re.fullmatch(r'[A-Z_]+=.*', words[0]):
        words = words[1:]
    return words


def script_of(words):
    """The script of ours that a command runs, and its arguments; None for other programs."""
    if words[:3] == ['python', '-m', 'mmrefseg'] or words[0] == 'mmrefseg':
        return 'mmrefseg', words[3 if words[0] == 'python' else 1:]
    if words[0] in ('python', 'bash'):
        words = words[1:]
    if not OURS.match(words[0]):
        return None
    return words[0], words[1:]


class Parsed(BaseException):
    """Carries what a script's parser made of its arguments."""


@pytest.fixture
def parse(monkeypatch):
    """Runs a script up to its parser's result."""
    original = argparse.ArgumentParser.parse_args

    def stop(self, args=None, namespace=None):
        raise Parsed(original(self, args, namespace))

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', stop)
    monkeypatch.chdir(ROOT)

    def parse(script, arguments):
        monkeypatch.setattr(sys, 'argv', [script, *arguments])
        monkeypatch.setattr(sys, 'path', [str(ROOT / Path(script).parent), *sys.path])
        try:
            if script == 'mmrefseg':
                runpy.run_module('mmrefseg', run_name='__main__')
            else:
                runpy.run_path(str(ROOT / script), run_name='__main__')
        except Parsed as parsed:
            return parsed.args[0]
        except SystemExit as stopped:
            assert not stopped.code, f'{script} {arguments}: its parser refuses them'
            return argparse.Namespace()
        raise AssertionError(f'{script} parses nothing')

    return parse


def check_other(command):
    """A command of another program: it is one of the list, and the files and versions it names are there."""
    assert any(re.fullmatch(pattern, command.partition('#')[0].strip().replace(' --no-deps --no-build-isolation', ''))
               for pattern in OTHERS), f'{command!r}: no script of ours; list it in OTHERS with the reason'
    for name in re.findall(r'pip install -r (\S+)', command):
        assert (ROOT / name).is_file(), command
    pins = ' '.join(path.read_text() for path in (ROOT / 'requirements').glob('*.txt'))
    for name, version in re.findall(r'([\w-]+)==([\d.]+)', command):
        # The full mmcv may take mmcv-lite's place, at the same version.
        assert f'{name}=={version}' in pins or f'{name}-lite=={version}' in pins, command


def check_files(command, words):
    for word in words:
        if re.fullmatch(r'[A-Z_]{2,}', word):
            assert word in PLACEHOLDERS or word in LITERAL, f'{command!r}: {word} is none of the placeholders'
        if OURS.match(word) and not WRITTEN_ON_THE_PAGE.match(word):
            assert (ROOT / word).exists(), f'{command!r}: there is no {word}'


def check_config_options(command, namespace):
    """``--cfg-options`` set keys whose parents the config has."""
    config = getattr(namespace, 'config', None)
    if getattr(namespace, 'cfg_options', None) and isinstance(config, str) and Path(config).is_file():
        cfg = Config.fromfile(config)
        for key in namespace.cfg_options:
            parent = cfg
            for name in key.split('.')[:-1]:
                assert name in parent, f'{command!r}: {config} has no {key}'
                parent = parent[name]


def launched(command, script, arguments):
    """What a launcher runs: PARTITION JOB_NAME before its arguments, or the number of processes among them."""
    name = Path(script).name
    if name.startswith('slurm'):
        return f'tools/{LAUNCHERS[name]}', arguments[2:]
    place = 1 if 'train' in name else 2
    assert arguments[place].isdigit(), f'{command!r}: {arguments[place]} is no number of processes'
    return f'tools/{LAUNCHERS[name]}', arguments[:place] + arguments[place + 1:]


@pytest.mark.parametrize('page', COMMANDS)
def test_commands(page, parse, capsys):
    for command in COMMANDS[page]:
        words = words_of(command)
        found = script_of(words)
        if found is None:
            check_other(command)
            continue
        check_files(command, words)
        script, arguments = found
        arguments = [PLACEHOLDERS.get(word, word) for word in arguments]
        if Path(script).name in LAUNCHERS:
            script, arguments = launched(command, script, arguments)
        if script.endswith('.sh') or script in WITHOUT_OPTIONS:
            continue
        check_config_options(command, parse(script, arguments))
        if script == 'mmrefseg' and arguments[0] == 'info':
            assert WRITTEN_ON_THE_PAGE.match(arguments[1]) or find_config(arguments[1]), command


SCRIPTS = sorted({found[0] for commands in COMMANDS.values() for command in commands
                  if (found := script_of(words_of(command))) and found[0] != 'mmrefseg'})
# Run by hand and by CI, being what runs the tests, or by what calls them.
NOT_BY_A_TEST = {
    'tools/quickstart.sh': 'the environment, then mmrefseg quickstart, which tests/test_packaging.py runs',
    'tools/run_tests.sh': 'runs the tests',
    'tools/test_versions.sh': 'makes an environment from an index, and runs the tests',
    'tools/test_web_demo.sh': 'runs the tests of tests/test_web_demo',
}


@pytest.mark.parametrize('script', [script for script in SCRIPTS if script not in NOT_BY_A_TEST])
def test_a_test_runs_it(script):
    name, stem = Path(script).name, Path(script).stem
    # As a file, as a module that is imported, or as a name in a list of benchmarks.
    named = re.compile(rf'[\'"/]{re.escape(name)}\b|\b(?:from|import) {stem}\b|[\'"]{stem}[\'"]')
    tests = [path for path in (ROOT / 'tests').rglob('*.py') if path != Path(__file__)]
    assert any(named.search(path.read_text(encoding='utf-8')) for path in tests), f'no test runs {script}'


def test_what_is_listed_is_there():
    every = [command for commands in COMMANDS.values() for command in commands]
    assert len(every) > 100 and len(SCRIPTS) > 20
    for script in NOT_BY_A_TEST:
        assert (ROOT / script).is_file()
