"""What is computed in another way under deterministic algorithms is the same, with its gradient."""

import pytest
import torch
import torch.nn.functional as F

from mmrefseg.models import RefCrossEntropyLoss
from mmrefseg.models.utils import adaptive_average


@pytest.fixture
def deterministically():
    """Calls a function under deterministic algorithms."""

    def call(function):
        torch.use_deterministic_algorithms(True)
        try:
            return function()
        finally:
            torch.use_deterministic_algorithms(False)

    return call


def value_and_gradient(function, x):
    x = x.clone().requires_grad_()
    value = function(x)
    return value, torch.autograd.grad(value.square().sum(), x)[0]


@pytest.mark.parametrize('classes', [1, 2])
@pytest.mark.parametrize('class_weight', [None, [0.9, 1.1]])
def test_cross_entropy(deterministically, monkeypatch, classes, class_weight):
    logits, target = torch.randn(3, classes, 5, 4), torch.randint(0, 2, (3, 5, 4))
    target[0, 0] = 255
    loss = RefCrossEntropyLoss(class_weight, loss_weight=2.)
    expected = value_and_gradient(lambda x: loss(x, target), logits)
    monkeypatch.delattr(F, 'cross_entropy')  # the one that stops on CUDA
    found = deterministically(lambda: value_and_gradient(lambda x: loss(x, target), logits))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('size', [(2, 3), (1, 1), (4, 6), (9, 5), (3, 12)])
def test_adaptive_average(deterministically, monkeypatch, size):
    maps = torch.randn(2, 3, 8, 12)
    expected = value_and_gradient(lambda x: F.adaptive_avg_pool2d(x, size), maps)
    torch.testing.assert_close(value_and_gradient(lambda x: adaptive_average(x, size), maps), expected)
    monkeypatch.delattr(F, 'adaptive_avg_pool2d')
    torch.testing.assert_close(
        deterministically(lambda: value_and_gradient(lambda x: adaptive_average(x, size), maps)), expected)
