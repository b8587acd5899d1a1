"""Trainings that are killed while they write or validate go on as if they had never been."""

import json
import os
import shutil
import signal
import uuid
from pathlib import Path

import pytest
import torch
from conftest import TINY_CONFIG
from mmengine.runner import Runner

from mmrefseg.command_line.train import main
from mmrefseg.engine.hooks.checkpoint_hook import VALIDATED, CheckpointHook
from mmrefseg.evaluation import RefIoUMetric
from mmrefseg.utils import whole_file

EPOCHS = 3


def in_a_child(call) -> int:
    """Call in a process of its own; its exit status, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        status = 1
        whole_file._TOKEN = uuid.uuid4().hex[:8]  # as of a process that was started anew
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            call()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_at(owner, name, number, when=lambda *_: True, after=False):
    """Let the ``number``-th call of a function that ``when`` agrees to kill this process, before or after it."""
    function = getattr(owner, name)
    calls = 0

    def counted(*args, **kwargs):
        nonlocal calls
        calls += bool(when(*args))
        if calls == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, counted)


def to(*endings):
    return lambda source, target: Path(target).name.startswith(endings)


KILLS = {
    'while the first checkpoint is written': (os, 'replace', 1, to('epoch_1')),
    'while the second checkpoint is written': (os, 'replace', 1, to('epoch_2')),
    'before the second is named': (os, 'replace', 1, to('epoch_2'), True),
    'in the first validation': (RefIoUMetric, 'process', 2),
    'in the second validation': (RefIoUMetric, 'process', 5),
    'in the last validation': (RefIoUMetric, 'process', 8),
    'while the best is written': (os, 'replace', 1, to('best')),
    'after the best is written': (os, 'replace', 1, to('best'), True),
    'before what is outdated goes': (CheckpointHook, '_remove', 1),
    'after what is outdated went': (CheckpointHook, '_remove', 1, lambda *_: True, True),
    'before a validation counts': (os, 'replace', 2, to(VALIDATED)),
    'in the second epoch': (Runner, 'call_hook', 1,
                            lambda runner, name: name == 'before_train_iter' and runner.epoch == 1),
}


@pytest.fixture(scope='module')
def train(refshapes_root):
    def run(folder, *options):
        overrides = [f'{loader}_dataloader.dataset.data_root={refshapes_root}' for loader in ('train', 'val', 'test')]
        overrides += [f'{loader}_dataloader.{key}' for loader in ('train', 'val', 'test')
                      for key in ('num_workers=0', 'persistent_workers=False')]
        return main([str(TINY_CONFIG), '--work-dir', str(folder), *options, '--cfg-options', *overrides,
                     f'max_epochs={EPOCHS}', 'train_cfg.val_interval=1'], prog='train')

    return run


def outcome(folder):
    """All that a training leaves: weights, optimizer, best checkpoint, metrics."""
    last = torch.load(folder / f'epoch_{EPOCHS}.pth', weights_only=True)
    best = sorted(path.name for path in folder.glob('best*'))
    assert len(best) == 1
    runtime = last['message_hub']['runtime_info']
    scalars = {name: value.data[0].tolist() for name, value in last['message_hub']['log_scalars'].items()
               if name.startswith('val/') and 'time' not in name}
    return dict(
        weights=last['state_dict'], optimizer=last['optimizer']['state'], best=best, best_score=runtime['best_score'],
        best_weights=torch.load(folder / best[0], weights_only=True)['state_dict'],
        kept=sorted(path.name for path in folder.glob('epoch*')), metrics=scalars,
        validated=json.loads((folder / VALIDATED).read_text()), parts=list(folder.rglob('*.part')),
        pointer=Path((folder / 'last_checkpoint').read_text()).name)


def assert_same(found, wanted, where=''):
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys(), where
        for key in wanted:
            assert_same(found[key], wanted[key], f'{where}.{key}')
    elif isinstance(wanted, torch.Tensor):
        assert torch.equal(found, wanted), where
    else:
        assert found == wanted, where


@pytest.mark.slow
def test_ten_kills(train, tmp_path):
    assert in_a_child(lambda: train(tmp_path / 'whole')) == 0
    wanted = outcome(tmp_path / 'whole')
    for number, (name, kill) in enumerate(KILLS.items()):
        folder = tmp_path / f'killed_{number}'

        def killed(kill=kill, folder=folder):
            kill_at(*kill)
            train(folder)

        status = in_a_child(killed)
        if status == 0:  # no best checkpoint was replaced, nothing was removed: this moment did not come
            assert '_remove' in kill[1], name
            continue
        assert status == -signal.SIGKILL, name
        assert in_a_child(lambda folder=folder: train(folder, '--resume')) == 0, name
        assert_same(outcome(folder), wanted, name)


@pytest.mark.slow
def test_copied_moved_and_torn(train, tmp_path):
    """A training of two of its epochs, which goes on in a copy, in a moved folder and behind a torn checkpoint."""
    assert in_a_child(lambda: train(tmp_path / 'whole')) == 0
    wanted = outcome(tmp_path / 'whole')

    def half():
        kill_at(Runner, 'call_hook', 1, lambda runner, name: name == 'before_train_epoch' and runner.epoch == 2)
        train(tmp_path / 'a')

    assert in_a_child(half) == -signal.SIGKILL
    original = {path.name: path.read_bytes() for path in (tmp_path / 'a').glob('*.pth')}
    for name in ('copied', 'torn', 'emptied', 'lost'):
        shutil.copytree(tmp_path / 'a', tmp_path / name)
    newest = tmp_path / 'torn/epoch_2.pth'
    newest.write_bytes(newest.read_bytes()[:-1000])
    (tmp_path / 'emptied/last_checkpoint').write_text('')
    (tmp_path / 'lost/last_checkpoint').unlink()
    for name in ('copied', 'torn', 'emptied', 'lost'):
        assert in_a_child(lambda name=name: train(tmp_path / name, '--resume')) == 0, name
        assert_same(outcome(tmp_path / name), wanted, name)
    assert {path.name: path.read_bytes() for path in (tmp_path / 'a').glob('*.pth')} == original
    os.rename(tmp_path / 'a', tmp_path / 'moved')
    assert in_a_child(lambda: train(tmp_path / 'moved', '--resume')) == 0
    assert_same(outcome(tmp_path / 'moved'), wanted, 'moved')
