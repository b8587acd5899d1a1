"""One clear error and an exit status for everything that can be mended where it was typed."""

import logging
import subprocess
import sys

import pytest
from conftest import ROOT
from mmengine.logging import MMLogger

from mmrefseg.command_line.run_command import run_command


def failing(error):
    def main(arguments=None, prog=None):
        raise error
    return main


@pytest.mark.parametrize('error,said', [
    (ValueError('the file x.json says 3'), 'tool: error: the file x.json says 3\n'),
    (FileNotFoundError(2, 'No such file or directory', 'a.pth'), 'tool: error: a.pth: No such file or directory\n'),
    (KeyError('LAVTSwim is not in the registry'),
     'tool: error: KeyError: LAVTSwim is not in the registry (--debug shows the traceback)\n'),
    (ZeroDivisionError(), 'tool: error: ZeroDivisionError (--debug shows the traceback)\n'),
    (SystemExit('no such thing'), 'tool: error: no such thing\n')])
def test_one_line_and_status_2(error, said, capsys, monkeypatch):
    monkeypatch.setattr(MMLogger, '_instance_dict', {})
    assert run_command(failing(error), [], prog='tool') == 2
    assert capsys.readouterr().err == said


def test_debug_shows_the_traceback_and_is_taken_from_the_arguments(capsys):
    def main(arguments, prog):
        assert arguments == ['a', 'b']
        raise KeyError('x')
    assert run_command(main, ['a', '--debug', 'b'], prog='tool') == 2
    said = capsys.readouterr().err
    assert said.startswith('Traceback') and said.endswith('tool: error: KeyError: x\n')


def test_the_log_of_a_run_keeps_the_traceback(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(MMLogger, '_instance_dict', {})
    MMLogger.get_instance('run', logger_name='mmengine', log_file=str(tmp_path / 'run.log'), log_level=logging.INFO)
    assert run_command(failing(RuntimeError('out of luck')), [], prog='tool') == 2
    assert f'RuntimeError: out of luck (traceback: {tmp_path / "run.log"})' in capsys.readouterr().err
    assert 'Traceback (most recent call last)' in (tmp_path / 'run.log').read_text()


def test_other_ends(capsys):
    assert run_command(lambda arguments, prog: None, [], prog='tool') == 0
    assert run_command(lambda arguments, prog: 3, [], prog='tool') == 3
    assert run_command(failing(KeyboardInterrupt()), [], prog='tool') == 130
    with pytest.raises(SystemExit):
        run_command(failing(SystemExit(2)), [], prog='tool')


TOOLS = sorted(path.relative_to(ROOT).as_posix() for folder in ('tools', 'demo', 'benchmarks')
               for path in (ROOT / folder).rglob('*.py') if "__name__ == '__main__'" in path.read_text())


def test_every_tool_ends_at_the_door():
    """Or the next one would answer with a traceback."""
    assert len(TOOLS) > 30
    for tool in TOOLS:
        assert (ROOT / tool).read_text().rstrip().splitlines()[-1].startswith('    sys.exit(run_command('), tool


@pytest.mark.parametrize('arguments,words', [
    (['tools/train.py', 'absent.py'], 'absent.py'), (['tools/train.py', 'x.yaml'], 'x.yaml: no config for this'),
    (['tools/train.py', 'broken.py'], 'broken.py cannot be read as a config: SyntaxError'),
    (['tools/analysis_tools/get_flops.py', 'broken.py'], 'broken.py cannot be read as a config'),
    (['tools/test.py', 'configs/lavt/lavt_nano_refshapes.py', 'a.pth', '--cfg-options', 'foo'], 'foo: expected'),
    (['tools/train.py', 'configs/lavt/lavt_nano_refshapes.py', '--launcher', 'pytorch'], 'dist_train.sh'),
    (['tools/train.py', 'configs/lavt/lavt_nano_refshapes.py', '--launcher', 'slurm'], 'slurm_train.sh')])
def test_slips_end_with_a_line(arguments, words, tmp_path, capsys, monkeypatch):
    import runpy
    (tmp_path / 'x.yaml').write_text('a: 1\n')
    (tmp_path / 'broken.py').write_text('model = dict(\n')
    script, config, *rest = arguments
    monkeypatch.chdir(tmp_path)
    for name in ('RANK', 'SLURM_PROCID'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, 'argv', [script, str(ROOT / config) if config.startswith('configs/') else config, *rest])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(ROOT / script), run_name='__main__')
    assert left.value.code == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert 'error: ' in last and words in last


def test_a_config_on_a_base_of_the_package(tmp_path):
    """In a process of its own, from another folder, as after pip install -e."""
    (tmp_path / 'my.py').write_text("_base_ = 'mmrefseg::lavt/lavt_nano_refshapes.py'\n")
    (tmp_path / 'own.py').write_text("_base_ = ['mmrefseg::_base_/models/lavt_nano.py', './my.py']\nbatch = 1\n"
                                     .replace(", './my.py'", ''))
    code = ('import mmrefseg; from mmengine.config import Config; '
            'assert Config.fromfile("my.py").model.backbone.type == "LAVTSwin"; '
            'assert Config.fromfile("own.py").model.backbone.embed_dims == 32')
    subprocess.run([sys.executable, '-c', code], check=True, cwd=tmp_path)
