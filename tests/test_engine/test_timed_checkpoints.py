"""Checkpoints within an epoch: when they are written, which are kept, and how a training goes on behind them."""

import pytest
import torch
from mmengine.runner import EpochBasedTrainLoop as PlainLoop
from mmengine.runner import Runner
from torch import nn
from toy_runner import Toy, names, runner_of, toys_registered

from mmrefseg.checkpoints import find_latest_checkpoint
from mmrefseg.checkpoints.latest import place_of
from mmrefseg.engine import CheckpointHook, EpochBasedTrainLoop

VALUES = [1., 2., 3., 4., 5.]


class Drops(Toy):
    """The loss draws from torch's random numbers and remembers what it saw."""

    seen = []

    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def forward(self, data=None, mode='loss', **_):
        values = torch.stack(list(data)) if isinstance(data, (list, tuple)) else data
        if mode != 'loss':
            return [values]
        type(self).seen.append(values.tolist())
        return dict(loss=(self.layer.weight.sum() * self.dropout(torch.ones(8) * values)).mean())


class Killed(Exception):
    pass


@pytest.fixture(autouse=True)
def drops():
    Drops.seen = []
    with toys_registered(Drops):
        yield


def start(folder, minutes=1e-9, stop=None, monkeypatch=None, values=VALUES, **options):
    """Train two epochs; stop before a step, as a kill does."""
    checkpoint = dict(minutes=minutes) if minutes is not None else {}
    runner = runner_of(folder, values=values, epochs=2, scores=(0.5, 0.2), model=dict(type='Drops'),
                       checkpoint=dict(checkpoint, **options.pop('checkpoint', {})), **options)
    runner._train_loop = dict(type='EpochBasedTrainLoop', max_epochs=2)
    runner.register_hook(dict(type='EpochSeedHook'))
    if stop is not None:
        train_iter = EpochBasedTrainLoop.run_iter

        def run_iter(self, number, batch):
            if self.iter == stop:
                raise Killed
            train_iter(self, number, batch)

        with monkeypatch.context() as patch:
            patch.setattr(EpochBasedTrainLoop, 'run_iter', run_iter)
            with pytest.raises(Killed):
                runner.train()
        return None
    runner.train()
    return {name: value.clone() for name, value in runner.model.state_dict().items()}


def test_the_last_are_kept_until_the_end(tmp_path, monkeypatch):
    start(tmp_path, stop=9, monkeypatch=monkeypatch)
    assert names(tmp_path) == ['best_score_epoch_1.pth', 'epoch_1.pth', 'epoch_1_iter_8.pth', 'epoch_1_iter_9.pth']
    assert find_latest_checkpoint(tmp_path) == str(tmp_path / 'epoch_1_iter_9.pth')
    assert not list(tmp_path.rglob('*.part'))
    start(tmp_path, resume=True)
    assert names(tmp_path) == ['best_score_epoch_1.pth', 'epoch_1.pth', 'epoch_2.pth']


@pytest.mark.parametrize('stop', [1, 3, 5, 6, 9])
def test_a_training_goes_on_behind_the_very_step(tmp_path, monkeypatch, stop):
    wanted = start(tmp_path / 'whole', minutes=None)
    seen, Drops.seen = Drops.seen, []
    start(tmp_path / 'killed', stop=stop, monkeypatch=monkeypatch)
    found = start(tmp_path / 'killed', resume=True)
    assert Drops.seen == seen  # no step twice, none left out
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)


def test_none_before_its_time_nor_where_gradients_wait(tmp_path, monkeypatch):
    start(tmp_path / 'later', minutes=60, stop=9, monkeypatch=monkeypatch)
    assert names(tmp_path / 'later') == ['best_score_epoch_1.pth', 'epoch_1.pth']
    update = 'mmengine.optim.OptimWrapper.should_update'
    with monkeypatch.context() as patch:
        patch.setattr(update, lambda self: False)
        start(tmp_path / 'waiting', stop=4, monkeypatch=monkeypatch)
    assert names(tmp_path / 'waiting') == []


def test_a_torn_one_is_passed_over_for_the_one_before(tmp_path, monkeypatch):
    start(tmp_path, stop=7, monkeypatch=monkeypatch)
    for name in ('epoch_1_iter_7.pth', 'epoch_1_iter_6.pth'):
        path = tmp_path / name
        assert find_latest_checkpoint(tmp_path) == str(path)
        path.write_bytes(path.read_bytes()[:-500])
    assert find_latest_checkpoint(tmp_path) == str(tmp_path / 'epoch_1.pth')


def test_another_number_of_steps_begins_the_epoch_anew(tmp_path, monkeypatch):
    start(tmp_path, stop=7, monkeypatch=monkeypatch)
    Drops.seen = []
    start(tmp_path, resume=True, values=[*VALUES, 6.])
    assert [value for step in Drops.seen for value in step] == [*VALUES, 6.]


@pytest.mark.parametrize('options,said', [
    (dict(minutes=0), 'minutes is 0, expected a number above 0'),
    (dict(max_keep_timed=0), 'max_keep_timed is 0, expected 1 or more')])
def test_wrong_options_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        CheckpointHook(**options)


def test_a_loop_that_cannot_is_refused(tmp_path):
    runner: Runner = runner_of(tmp_path, checkpoint=dict(minutes=1))  # by_epoch: mmengine's loop
    assert type(runner.train_loop) is PlainLoop
    with pytest.raises(ValueError, match="expected train_cfg.type='mmrefseg.EpochBasedTrainLoop'"):
        runner.train()


@pytest.mark.parametrize('name,place', [
    ('epoch_3.pth', (3, 0)), ('epoch_3_iter_77.pth', (3, 77)), ('iter_500.pth', (500, 0)),
    ('best_oIoU_epoch_3.pth', None), ('model.pth', None)])
def test_places(name, place):
    assert place_of(name) == place
