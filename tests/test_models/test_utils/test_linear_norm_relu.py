"""Batch norm over words: padding is in no statistic, and SyncBN's are those of all processes."""

import copy
import threading
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mmrefseg.models.utils import LinearNormReLU, linear_norm_relu, normalize_rows

LENGTHS = torch.tensor([3, 5, 1, 2, 5, 4])
MASK = torch.arange(5) < LENGTHS[:, None]


def make_norm(kind=nn.BatchNorm2d):
    torch.manual_seed(0)
    norm = kind(4)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


def make_rows(dtype=torch.float32):
    torch.manual_seed(1)
    return (torch.randn(6, 5, 4) * 3 + 2).to(dtype), torch.randn(6, 5, 4)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_equals_the_norm_of_the_rows_picked_out(dtype):
    rows, wanted = make_rows(dtype)
    norm, plain = make_norm(), make_norm()
    results = []
    for each, call in ((norm, lambda norm, x: normalize_rows(norm, x, MASK)[MASK]),
                       (plain, lambda norm, x: norm(x[MASK][..., None, None])[..., 0, 0])):
        leaf = rows.clone().requires_grad_()
        for _ in range(2):  # the running statistics move twice
            normalized = call(each, leaf)
        (normalized.float() * wanted[MASK]).sum().backward()
        results.append((normalized, leaf.grad, each.weight.grad, each.bias.grad, dict(each.state_dict())))
    tolerance = dict(atol=1e-5, rtol=1e-5) if dtype == torch.float32 else dict(atol=2e-2, rtol=2e-2)
    assert_close(results[0], results[1], **tolerance)
    assert results[0][0].dtype == dtype


def test_padding_changes_nothing():
    layer = LinearNormReLU(4, 3, dict(type='BN'))
    rows, _ = make_rows()
    first = layer(rows, MASK)
    other = copy.deepcopy(layer)(rows.masked_fill(~MASK[..., None], 99), MASK)
    assert_close(other[MASK], first[MASK])


def test_a_single_real_row_keeps_the_statistics_finite():
    norm = make_norm()
    normalized = normalize_rows(norm, torch.randn(1, 2, 4), torch.tensor([[True, False]]))
    assert_close(normalized[0, 0], norm.bias)
    assert norm.running_var.isfinite().all()


def test_sync_bn_over_two_processes(monkeypatch):
    """Two threads stand for the processes: together they are one batch norm over all rows."""
    rows, wanted = make_rows()
    wanted = wanted * MASK[..., None]
    shares, results = (slice(0, 2), slice(2, 6)), {}
    barrier, values, lock = threading.Barrier(2), [], threading.Lock()

    def all_reduce(tensor, group):
        with lock:
            values.append(tensor.clone())
        barrier.wait(timeout=60)
        tensor.copy_(sum(values))
        barrier.wait(timeout=60)
        values.clear()
        barrier.wait(timeout=60)

    monkeypatch.setattr(linear_norm_relu, 'distributed',
                        SimpleNamespace(is_initialized=lambda: True, all_reduce=all_reduce))

    norms = [make_norm(nn.SyncBatchNorm) for _ in shares]

    def run(rank):
        norm, leaf = norms[rank], rows[shares[rank]].clone().requires_grad_()
        normalized = normalize_rows(norm, leaf, MASK[shares[rank]])
        (normalized * wanted[shares[rank]]).sum().backward()
        results[rank] = normalized.detach(), leaf.grad, norm.running_mean, norm.running_var

    threads = [threading.Thread(target=run, args=(rank, )) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    norm, leaf = make_norm(), rows.clone().requires_grad_()
    normalized = normalize_rows(norm, leaf, MASK)
    (normalized * wanted).sum().backward()
    assert_close(torch.cat([results[0][0], results[1][0]]), normalized.detach())
    assert_close(torch.cat([results[0][1], results[1][1]]), leaf.grad)
    for rank in range(2):
        assert_close(results[rank][2:], (norm.running_mean, norm.running_var))


@pytest.mark.parametrize('masked', [True, False])
def test_gradients_in_double_precision(masked):
    """``gradcheck``: what is computed stays in double precision, and the gradient is that of the function."""
    torch.manual_seed(0)
    layer = LinearNormReLU(3, 4, dict(type='BN')).double()
    rows = torch.randn(2, 5, 3, dtype=torch.double, requires_grad=True)
    mask = torch.arange(5) < torch.tensor([[5], [3]]) if masked else None
    assert layer(rows, mask).dtype == torch.double

    def real(rows):
        out = layer(rows, mask)
        return out if mask is None else out.masked_fill(~mask[..., None], 0)

    assert torch.autograd.gradcheck(real, rows)
