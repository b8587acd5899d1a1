"""Every epoch starts from a seed of its own."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from mmrefseg.engine import EpochSeedHook
from mmrefseg.engine.hooks.epoch_seed_hook import innermost_datasets


def make_runner(dataset, loop=EpochBasedTrainLoop, epoch=3, rank=0):
    loader = SimpleNamespace(dataset=dataset, sampler=SimpleNamespace(seed=1))
    return SimpleNamespace(train_loop=Mock(spec=loop), train_dataloader=loader, epoch=epoch, seed=7, rank=rank)


def draw(runner):
    EpochSeedHook().before_train_epoch(runner)
    return torch.rand(3)


def test_randomness_depends_on_seed_epoch_and_rank():
    dataset = Mock(spec=['set_epoch'])
    first = draw(make_runner(dataset))
    dataset.set_epoch.assert_called_once_with(3, 7)
    torch.rand(5)
    assert torch.equal(first, draw(make_runner(dataset)))
    assert not torch.equal(first, draw(make_runner(dataset, epoch=4)))
    assert not torch.equal(first, draw(make_runner(dataset, rank=1)))


def test_the_sampler_takes_the_seed_of_the_run():
    runner = make_runner(Mock(spec=['set_epoch']))
    draw(runner)
    assert runner.train_dataloader.sampler.seed == 7


def test_wrapped_datasets_are_found():
    inner = [Mock(spec=['set_epoch']) for _ in range(3)]
    wrapped = SimpleNamespace(datasets=[
        SimpleNamespace(dataset=inner[0]), SimpleNamespace(datasets=inner[1:])])
    assert list(innermost_datasets(wrapped)) == inner
    assert list(innermost_datasets(inner[0])) == inner[:1]


@pytest.mark.parametrize('dataset', [Mock(spec=['set_epoch'])])
def test_iteration_based_loops_are_left_alone(dataset):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(draw(make_runner(dataset, loop=IterBasedTrainLoop)), expected)
    dataset.set_epoch.assert_not_called()
