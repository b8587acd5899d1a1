"""The configs for one card of 24 GB train as their published ones do, and accumulation does not change the schedule."""

import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmrefseg.engine import BFloat16OptimWrapper

ONE_CARD = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs').rglob('*_1x24g.py'))
PUBLISHED_BATCH = dict(cris=64, detris=32, lavt=32, lts=32, m3att=48, s2rm=32, sadlr=32, vlt=32)


def test_every_method_has_one():
    assert [path.split('/')[1] for path in ONE_CARD] == sorted(PUBLISHED_BATCH)


@pytest.mark.parametrize('path', ONE_CARD)
def test_only_memory_differs_from_the_published_config(path):
    cfg, published = (Config.fromfile(ROOT / name).to_dict() for name in (path, path.replace('_1x24g', '')))
    batch = cfg['train_dataloader'].pop('batch_size') * cfg['optim_wrapper'].pop('accumulative_counts', 1)
    assert batch == PUBLISHED_BATCH[path.split('/')[1]] == cfg['auto_scale_lr']['base_batch_size']
    assert cfg['model'].pop('with_cp') is True
    assert cfg['optim_wrapper'].pop('type') == 'BFloat16OptimWrapper'
    published['train_dataloader'].pop('batch_size')
    published['optim_wrapper'].pop('type')
    assert cfg == published


def test_accumulated_gradients_are_those_of_the_whole_batch():
    torch.manual_seed(0)
    rows, target = torch.randn(8, 4), torch.randn(8, 2)
    weights = []
    for count in (1, 2, 4):
        torch.manual_seed(1)
        model = nn.Linear(4, 2)
        wrapper = BFloat16OptimWrapper(
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1), accumulative_counts=count)
        wrapper.initialize_count_status(model, 0, count)
        for part, part_target in zip(rows.chunk(count), target.chunk(count)):
            with wrapper.optim_context(model):
                loss = (model(part).float() - part_target).square().mean()
            wrapper.update_params(loss)
        weights.append(model.weight.detach())
    torch.testing.assert_close(weights[1], weights[0], atol=1e-3, rtol=1e-2)
    torch.testing.assert_close(weights[2], weights[0], atol=1e-3, rtol=1e-2)


class Toy(BaseModel):
    """Counts the optimizer's steps by the values that its weight takes."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.seen = []

    def forward(self, inputs, mode='loss'):
        self.seen.append(self.weight.item())
        return dict(loss=(self.weight * torch.stack(inputs)).mean())


def train(tmp_path, batch_size, accumulative_counts):
    """Two epochs of eight samples; the values of the weight, and the rate at each of its iterations."""
    model, rates = Toy(), []
    runner = Runner(
        model, work_dir=str(tmp_path), train_cfg=dict(by_epoch=True, max_epochs=2),
        train_dataloader=dict(
            batch_size=batch_size, dataset=[dict(inputs=torch.ones(1))] * 8, sampler=dict(type='DefaultSampler')),
        optim_wrapper=dict(
            type='OptimWrapper', optimizer=dict(type='SGD', lr=1.), accumulative_counts=accumulative_counts),
        param_scheduler=dict(
            type='ReleasePolyLR', power=0.9, begin=0, end=2, by_epoch=True, convert_to_iter_based=True),
        default_hooks=dict(checkpoint=None, logger=None), default_scope='mmrefseg',
        experiment_name=f'toy_{batch_size}_{accumulative_counts}')
    step = runner.model.train_step
    runner.model.train_step = lambda data, optim_wrapper: (
        rates.append(optim_wrapper.get_lr()['lr'][0]), step(data, optim_wrapper=optim_wrapper))[1]
    runner.train()
    return model.seen, rates


def test_the_schedule_counts_iterations_and_ends_with_the_training(tmp_path):
    whole, rates = train(tmp_path / 'whole', 4, 1)
    halves, half_rates = train(tmp_path / 'halves', 2, 2)
    assert (len(whole), len(halves)) == (4, 8)
    # The same number of steps of the optimizer: the weight changes after every second iteration only.
    assert len(set(whole)) == 4 and [halves[i] == halves[i + 1] for i in range(7)] == [True, False] * 3 + [True]
    # One curve over the training, whose last step still learns.
    for found in (rates, half_rates):
        assert found == pytest.approx([(1 - i / len(found))**0.9 for i in range(len(found))])
