"""The commands beside predict: what they print where all is well, and where it is not."""

import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

from mmrefseg import __version__, compat
from mmrefseg.command_line import COMMANDS, doctor, main
from mmrefseg.utils import find_config, list_configs, package_files


def test_usage(capsys):
    assert main([]) == 2 and main(['--help']) == 0
    printed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith('  ')]
    assert printed == [*COMMANDS] * 2
    assert main(['--version']) == 0 and capsys.readouterr().out == f'{__version__}\n'
    assert main(['fly']) == 2 and "no command 'fly'" in capsys.readouterr().err


@pytest.mark.parametrize('command', COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as left:
        main([command, '--help'])
    assert left.value.code == 0 and f'usage: mmrefseg {command}' in capsys.readouterr().out


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize('name,path', [
    ('sadlr/lavt_swinb_refcoco', 'sadlr/lavt_swinb_refcoco.py'), ('configs/lavt/lavt_swinb_refcoco.py', None),
    ('mmrefseg::lavt/lavt_swinb_refcoco.py', 'lavt/lavt_swinb_refcoco.py'),
    ('SADLR_lavt_nano_refshapes', 'sadlr/lavt_nano_refshapes.py'),
    ('lts_darknet53_refcoco_320', 'lts/ablations/lts_darknet53_refcoco_320.py')])
def test_configs_by_name(name, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == str(package_files() / 'configs' / (path or name.removeprefix('configs/')))


def test_a_file_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'lavt_swinb_refcoco').write_text('')
    assert find_config('lavt_swinb_refcoco') == 'lavt_swinb_refcoco'


def test_names_of_none_and_of_several(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match='Near it: lavt_nano_refshapes'):
        find_config('lavt_nanno_refshapes')
    for name in ('a/same.py', 'b/same.py', '_base_/same.py', '../model-index.yml'):
        (tmp_path / 'configs' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'configs' / name).write_text('Import: []')
    monkeypatch.setattr(sys.modules['mmrefseg.utils.find_config'], 'package_files', lambda: tmp_path)
    assert list_configs() == ['a/same', 'b/same']
    with pytest.raises(ValueError, match="2 configs are called 'same': a/same, b/same"):
        find_config('same')


def test_info(capsys):
    assert main(['info', 'sadlr_lavt_nano_refshapes']) == 0
    printed = capsys.readouterr().out
    assert re.search(r'decode_head +\| SADLRHead +\| +0\.\d+ \|', printed) and 'method   SADLR' in printed
    assert '96x96' in printed and re.search(r'\| all +\| RefSegmentor', printed)
    assert main(['info', 'lavt/lavt_nano_refshapes', '--config']) == 0
    scope = {}
    exec(capsys.readouterr().out, scope)
    assert scope['model']['backbone']['type'] == 'LAVTSwin'
    assert main(['info']) == 0 and '  lavt/lavt_swinb_refcoco\n' in capsys.readouterr().out
    assert main(['info', 'lavt_nanno_refshapes']) == 2 and 'Near it' in capsys.readouterr().err


# --- doctor ----------------------------------------------------------------------------------


def test_doctor_where_all_is_well(capsys):
    assert main(['doctor']) == 0
    printed = capsys.readouterr().out
    assert re.search(r'^torch +\d', printed, re.M) and 'Nothing is missing' in printed
    assert 'Self-test on cpu: two masks' in printed


def test_doctor_whose_self_test_fails(monkeypatch, capsys):
    monkeypatch.setattr('mmrefseg.utils.find_config', lambda name: 'no_such_config.py')
    assert main(['doctor']) == 1
    captured = capsys.readouterr()
    assert 'The self-test failed' in captured.out and 'no_such_config' in captured.err


def test_doctor_knows_the_versions_that_are_tested():
    files = [(ROOT / f'requirements/{name}.txt').read_text() for name in ('runtime', 'mm')]
    pinned = [line.partition('  #')[0] for text in files for line in text.splitlines()]
    for name, _, _, line in compat.REQUIRED + doctor.MORE:
        assert line.removeprefix('pip install ').strip('"') in pinned, name


HIDE = '''
import importlib.util, sys
HIDDEN = {hidden!r}
find_spec = importlib.util.find_spec
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in HIDDEN:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
importlib.util.find_spec = lambda name, package=None: None if name.split('.')[0] in HIDDEN else find_spec(name, package)
'''


@pytest.mark.parametrize('hidden,lines', [
    (['mmengine', 'rich', 'torch'], ['mmengine is missing:  pip install mmengine==', 'rich is missing:  pip install ri',
                                     'torch is missing:  pip install torch==']),
    (['packaging', 'torch'], ['packaging is missing:  pip install packaging=='])])
def test_doctor_where_packages_are_missing(tmp_path, hidden, lines):
    (tmp_path / 'sitecustomize.py').write_text(HIDE.format(hidden=hidden))
    environment = dict(os.environ, PYTHONPATH=f'{tmp_path}{os.pathsep}{ROOT}', PYTHONWARNINGS='ignore')
    done, other = (subprocess.run([sys.executable, '-m', 'mmrefseg', command], env=environment, capture_output=True,
                                  text=True) for command in ('doctor', 'info'))
    assert done.returncode == 1, done.stderr
    assert 'To mend:' in done.stdout and 'Self-test' not in done.stdout and all(line in done.stdout for line in lines)
    assert other.returncode == 1 and 'Error' in other.stderr  # everything else says so and stops


@pytest.mark.parametrize('words,called', [
    (['python', '-W', 'ignore', '-m', 'mmrefseg', 'doctor'], True), (['python', '/bin/mmrefseg', 'doctor'], True),
    (['C:\\python', 'mmrefseg.exe', 'doctor'], True), (['python', '-m', 'mmrefseg', 'info', 'doctor'], False),
    (['python', 'train.py', 'doctor'], False), (['python'], False)])
def test_who_calls_the_doctor(monkeypatch, words, called):
    monkeypatch.setattr(sys, 'orig_argv', words)
    monkeypatch.setattr(sys, 'argv', ['-m', *words[5:]] if '-m' in words else words[1:])
    assert compat.doctor_is_called() is called
