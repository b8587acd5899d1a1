"""Query balance equals VLT's formula, written out query by query."""

import torch

from mmrefseg.models import QueryBalance


def test_equals_the_formula():
    torch.manual_seed(0)
    balance = QueryBalance(4)
    queries, responses = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    balanced = balance(queries, responses)
    first, second = balance.layers[0], balance.layers[2]
    for row in range(2):
        for number in range(3):
            both = torch.cat([queries[row, number], responses[row, number]])
            hidden = (first.weight @ both + first.bias).clamp(min=0)
            confidence = 1 / (1 + (-(second.weight @ hidden + second.bias)).exp())
            torch.testing.assert_close(balance.confidence(queries, responses)[row, number], confidence)
            torch.testing.assert_close(balanced[row, number], confidence * responses[row, number])


def test_gradient_reaches_every_parameter():
    balance = QueryBalance(4)
    balance(torch.randn(2, 3, 4), torch.randn(2, 3, 4)).square().sum().backward()
    assert [name for name, value in balance.named_parameters() if not value.grad.any()] == []
