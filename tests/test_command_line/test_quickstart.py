"""The quickstart's way and what it tells; tests/test_wheel_trial.py goes it from a wheel."""

import sys
from pathlib import Path

import pytest

from mmrefseg.command_line import main, quickstart


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """The commands that it runs, none of which is."""
    monkeypatch.chdir(tmp_path)
    seen = []
    monkeypatch.setattr(quickstart, 'run', lambda step: seen.append(step) or 0)
    return seen


def test_the_way(steps, capsys):
    assert main(['quickstart', '--share', '0.01']) == 0
    assert [step[0] for step in steps] == ['make-refshapes', 'tool', 'train', 'test', 'tool']
    assert steps[0][-8:] == ['--train', '44', '--val', '6', '--test-a', '6', '--test-b', '6']
    assert '--resume' not in steps[2]
    printed = capsys.readouterr().out
    assert 'answers:' in printed and ' test lavt/lavt_nano_refshapes_1e work_dirs/' in printed


@pytest.mark.parametrize('newest,goes_on,trains', [('epoch_1.pth', False, False), ('epoch_0.pth', True, True)])
def test_what_is_done_is_not_done_again(steps, newest, goes_on, trains):
    Path('work_dirs/lavt_nano_refshapes_1e').mkdir(parents=True)
    Path('work_dirs/lavt_nano_refshapes_1e/last_checkpoint').write_text(f'/somewhere/{newest}')
    assert main(['quickstart']) == 0
    training = [step for step in steps if step[0] == 'train']
    assert bool(training) is trains and ('--resume' in sum(training, [])) is goes_on


def test_a_step_that_fails(steps, monkeypatch, capsys):
    monkeypatch.setattr(quickstart, 'run', lambda step: 3 if step[0] == 'train' else 0)
    assert main(['quickstart']) == 3
    assert 'it stopped with status 3 at: ' in capsys.readouterr().err


@pytest.mark.parametrize('share', ['0', '2', '-1'])
def test_a_share_that_is_none(share, capsys):
    with pytest.raises(SystemExit):
        main(['quickstart', f'--share={share}'])
    assert 'expected a number above 0' in capsys.readouterr().err


def test_how_it_is_called(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, 'argv', ['pytest'])
    assert quickstart.command() == f'{sys.executable} -m mmrefseg'
    script = tmp_path / 'mmrefseg'
    script.write_text('')
    script.chmod(0o755)
    monkeypatch.setattr(sys, 'argv', [str(script)])
    assert quickstart.command() == str(script)
    monkeypatch.setenv('PATH', str(tmp_path))
    assert quickstart.command() == 'mmrefseg'
