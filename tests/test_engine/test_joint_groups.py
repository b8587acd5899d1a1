"""A step takes groups of equal settings together, and nothing else sees it."""

import copy

import pytest
import torch
from torch import nn

from mmrefseg.engine.joint_groups import join_equal_groups, joined


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))


def groups_of(layers):
    return [dict(params=[parameter], weight_decay=0. if parameter.dim() == 1 else 0.1)
            for parameter in layers.parameters()]


@pytest.mark.parametrize('kind, options', [
    (torch.optim.AdamW, dict(lr=0.1, fused=True)), (torch.optim.AdamW, dict(lr=0.1, betas=[0.9, 0.99], foreach=True)),
    (torch.optim.SGD, dict(lr=0.1, momentum=0.9))])
def test_the_steps_and_the_checkpoint_are_those_of_groups_apart(kind, options):
    plain, own = model(), model()
    optimizers = [kind(groups_of(each), **options) for each in (plain, own)]
    join_equal_groups(optimizers[1])
    join_equal_groups(optimizers[1])  # as a runner that trains twice
    for rate in (0.1, 0.05, 0.02):
        for layers, optimizer in zip((plain, own), optimizers):
            for number, group in enumerate(optimizer.param_groups):
                group['lr'] = rate * (2 if number == 0 else 1)
            optimizer.zero_grad()
            layers(torch.linspace(0, 1, 6).view(2, 3)).square().sum().backward()
            optimizer.step()
            assert len(optimizer.param_groups) == 6
    for key, expected in plain.state_dict().items():
        assert torch.equal(own.state_dict()[key], expected), key
    states = [optimizer.state_dict() for optimizer in optimizers]
    assert states[0]['param_groups'] == states[1]['param_groups']
    assert set(states[0]['state']) == set(states[1]['state'])


def test_it_is_joined_while_it_steps():
    layers = model()
    optimizer = torch.optim.SGD(groups_of(layers), lr=0.1)
    seen = []
    join_equal_groups(optimizer)
    optimizer.register_step_pre_hook(lambda optimizer, *_: seen.append(copy.copy(optimizer.param_groups)))
    optimizer.step()
    decayed, others = seen[0]
    assert [len(group['params']) for group in (decayed, others)] == [2, 4]
    assert (decayed['weight_decay'], others['weight_decay']) == (0.1, 0.)
    assert [len(group['params']) for group in optimizer.param_groups] == [1] * 6


def test_after_a_step_that_failed():
    optimizer = torch.optim.SGD(groups_of(model()), lr=0.1)
    join_equal_groups(optimizer)
    with pytest.raises(ZeroDivisionError):
        optimizer.step(lambda: 1 / 0)
    optimizer.step()
    assert len(optimizer.param_groups) == 6


def test_what_differs_stays_apart():
    rate = torch.tensor(0.1)
    groups = [dict(params=[1], lr=rate), dict(params=[2], lr=rate), dict(params=[3], lr=torch.tensor(0.1)),
              dict(params=[4], lr=0.1, name='head'), dict(params=[5], lr=rate, initial_lr=0.3)]
    assert [group['params'] for group in joined(groups)] == [[1, 2, 5], [3], [4]]
    assert [group['params'] for group in groups] == [[1], [2], [3], [4], [5]]
