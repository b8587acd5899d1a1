"""Hooks around checkpoints and losses, on a model of one weight: finite losses, fits, the latest and the best one."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner
from torch import nn
from toy_runner import Toy, names, runner_of, toys_registered

from mmrefseg.checkpoints import find_latest_checkpoint, save_checkpoint
from mmrefseg.errors import CheckpointError


@pytest.fixture(autouse=True, scope='module')
def registered():
    with toys_registered():
        yield



def test_the_best_is_kept_and_the_older_ones_go(tmp_path):
    runner_of(tmp_path).train()
    assert names(tmp_path) == ['best_score_epoch_2.pth', 'epoch_2.pth', 'epoch_3.pth']
    assert json.loads((tmp_path / 'last_validation.json').read_text()) == dict(epoch=3)
    assert not list(tmp_path.rglob('*.part'))


def test_the_old_best_is_there_until_the_new_one_is(tmp_path, monkeypatch):
    seen = []
    save = Runner.save_checkpoint

    def watched(self, out_dir, filename, *args, **kwargs):
        if filename == 'best_score_epoch_2.pth':
            seen.append('best_score_epoch_1.pth' in names(tmp_path))
        save(self, out_dir, filename, *args, **kwargs)

    monkeypatch.setattr(Runner, 'save_checkpoint', watched)
    runner_of(tmp_path).train()
    assert seen == [True]


@pytest.mark.parametrize('where', ['copied', 'moved'])
def test_another_folder(tmp_path, where):
    """The best checkpoint of a copy is the copy's own; the original is not touched, nor wanted."""
    runner_of(tmp_path / 'a', epochs=2, scores=(0.2, 0.3)).train()
    before = {name: (tmp_path / 'a' / name).read_bytes() for name in names(tmp_path / 'a')}
    (shutil.copytree if where == 'copied' else shutil.move)(tmp_path / 'a', tmp_path / 'b')
    runner_of(tmp_path / 'b', scores=(0.9, ), resume=True).train()
    assert names(tmp_path / 'b') == ['best_score_epoch_3.pth', 'epoch_2.pth', 'epoch_3.pth']
    if where == 'copied':
        assert {name: (tmp_path / 'a' / name).read_bytes() for name in names(tmp_path / 'a')} == before


def test_a_best_that_a_kill_left_goes_and_a_later_one_stays(tmp_path):
    runner_of(tmp_path, epochs=2, scores=(0.2, 0.3)).train()
    for name in ('best_score_epoch_1.pth', 'best_score_epoch_9.pth', 'best_other_epoch_1.pth'):
        shutil.copy(tmp_path / 'epoch_2.pth', tmp_path / name)
    runner_of(tmp_path, scores=(0.1, ), resume=True).train()
    assert names(tmp_path) == ['best_other_epoch_1.pth', 'best_score_epoch_2.pth', 'best_score_epoch_9.pth',
                               'epoch_2.pth', 'epoch_3.pth']


def test_an_outdated_checkpoint_that_a_kill_left_goes(tmp_path):
    runner_of(tmp_path, scores=(0.5, 0.2, 0.1)).train()
    for name in ('epoch_1.pth', 'epoch_77.pth'):
        shutil.copy(tmp_path / 'epoch_3.pth', tmp_path / name)
    runner_of(tmp_path, scores=(), resume=True).train()
    assert names(tmp_path) == ['best_score_epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth', 'epoch_77.pth']


@pytest.mark.parametrize('epochs', [1, 2])
def test_an_epoch_that_was_not_validated_is(tmp_path, epochs):
    """Also where it was the last one: the second start has the metrics."""
    with pytest.raises(IndexError):  # in the last validation, for which there is no score
        runner_of(tmp_path, epochs=epochs, scores=(0.2, 0.3)[:epochs - 1]).train()
    runner = runner_of(tmp_path, epochs=epochs, scores=(0.7, ), resume=True)
    runner.train()
    assert runner.val_loop.evaluator.calls == 1
    assert f'best_score_epoch_{epochs}.pth' in names(tmp_path)
    assert runner.message_hub.get_info('best_score') == 0.7
    runner_of(tmp_path, epochs=epochs, scores=(), resume=True).train()  # nothing is left to do: no metric is asked for


# --- latest --------------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path):
    for number in (1, 2):
        save_checkpoint(dict(state_dict=nn.Linear(9, 9).state_dict()), tmp_path / f'epoch_{number}.pth')
    save_checkpoint({}, tmp_path / 'best_score_epoch_1.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_2.pth'))
    return tmp_path


def test_the_latest_checkpoint(two, tmp_path):
    assert Path(find_latest_checkpoint(str(two))).name == 'epoch_2.pth'
    (two / 'last_checkpoint').write_text('/elsewhere/of/another/machine/epoch_1.pth')
    assert Path(find_latest_checkpoint(str(two))) == two / 'epoch_1.pth'
    for text in ('', '\0\0', 'nothing.pth'):
        (two / 'last_checkpoint').write_text(text)
        assert Path(find_latest_checkpoint(str(two))).name == 'epoch_2.pth', text
    (two / 'last_checkpoint').write_bytes(b'\xff\xfe')
    assert Path(find_latest_checkpoint(str(two))).name == 'epoch_2.pth'
    (two / 'last_checkpoint').unlink()
    assert Path(find_latest_checkpoint(str(two))).name == 'epoch_2.pth'
    (tmp_path / 'none').mkdir()
    assert find_latest_checkpoint(str(tmp_path / 'none')) is None


@pytest.mark.parametrize('content', [b'', b'\0' * 999, b'text', None])
def test_a_torn_checkpoint_is_passed_over(two, content):
    newest = two / 'epoch_2.pth'
    newest.write_bytes(newest.read_bytes()[:-50] if content is None else content)
    assert Path(find_latest_checkpoint(str(two))).name == 'epoch_1.pth'
    (two / 'epoch_1.pth').write_bytes(b'')
    with pytest.raises(CheckpointError, match='no checkpoint in .* is whole'):
        find_latest_checkpoint(str(two))


# --- fits ----------------------------------------------------------------------------------


def test_resuming_another_model(tmp_path):
    runner_of(tmp_path, epochs=1, scores=(0.1, )).train()
    with pytest.raises(CheckpointError, match='(?s)layer.weight: 1x1 in the checkpoint, 1x2 in the model.*cannot go on|'
                       'cannot go on.*layer.weight: 1x1 in the checkpoint'):
        runner_of(tmp_path, model=dict(type='Toy', size=2), resume=True).train()
    with pytest.raises(CheckpointError, match='is no checkpoint of a training .it lacks optimizer'):
        runner_of(tmp_path, resume=True, load_from=str(tmp_path / 'best_score_epoch_1.pth')).train()


def test_beginning_from_weights_says_what_was_taken(tmp_path, caplog):
    save_checkpoint(dict(state_dict={'layer.bias': torch.ones(1), 'neck.w': torch.ones(1)}), tmp_path / 'x.pth')
    runner = runner_of(tmp_path / 'a', epochs=1, scores=(0.1, ), load_from=str(tmp_path / 'x.pth'))
    said = []
    runner.logger.info = said.append
    runner.train()
    line, = [each for each in said if each.startswith('Begins from')]
    assert line.endswith('1 of 2 weights taken, 1 not in it (layer.weight), 1 of its own left out (neck.w)')
    save_checkpoint(dict(state_dict={'neck.w': torch.ones(1)}), tmp_path / 'y.pth')
    with pytest.raises(CheckpointError, match='nothing in the checkpoint .*y.pth fits'):
        runner_of(tmp_path / 'b', load_from=str(tmp_path / 'y.pth')).train()


# --- finite --------------------------------------------------------------------------------


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_a_loss_that_is_no_number_stops(tmp_path, bad):
    runner_of(tmp_path, epochs=1, scores=(0.1, )).train()
    before = (tmp_path / 'epoch_1.pth').read_bytes()
    with pytest.raises(FloatingPointError, match='epoch 2, iteration 5: the loss is not finite .loss.'):
        runner_of(tmp_path, values=(1., bad, 1.), resume=True).train()
    assert (tmp_path / 'epoch_1.pth').read_bytes() == before and 'epoch_2.pth' not in names(tmp_path)


def test_a_step_is_left_out(tmp_path):
    torch.manual_seed(0)
    runner = runner_of(tmp_path / 'a', values=(1., float('nan'), 2.), epochs=1, scores=(0.1, ), skip_step=True,
                       model=(model := Toy()))
    start = model.layer.weight.item()
    runner.train()
    assert model.layer.weight.item() == pytest.approx(start - 0.1 * 3)
    with pytest.raises(FloatingPointError, match='2 steps in a row'):
        runner_of(tmp_path / 'b', values=(float('nan'), ) * 3, skip_step=True, max_skips=2).train()
    with pytest.raises(ValueError, match='max_skips is 0'):
        runner_of(tmp_path / 'c', max_skips=0)


def test_weights_that_are_no_numbers_are_not_written(tmp_path):
    """The last step of an epoch spoils them; its own loss was still a number."""
    runner_of(tmp_path, epochs=1, scores=(0.1, )).train()
    runner = runner_of(tmp_path, epochs=2, resume=True, model=(model := Toy()))
    model.register_forward_hook(lambda *_: None)
    step = Toy.train_step

    def spoiled(self, *args, **kwargs):
        log = step(self, *args, **kwargs)
        self.layer.weight.data.fill_(torch.nan)
        return {name: torch.zeros(()) for name in log}

    model.train_step = spoiled.__get__(model)
    with pytest.raises(FloatingPointError, match='the weight layer.weight is not finite'):
        runner.train()
    assert names(tmp_path) == ['best_score_epoch_1.pth', 'epoch_1.pth']
