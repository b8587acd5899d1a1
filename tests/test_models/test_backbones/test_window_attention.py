"""StemSwin computes what mmseg's Swin computes, without attending to padding pixel by pixel."""

import pytest
import torch
from mmseg.models.backbones import SwinTransformer
from mmseg.models.backbones.swin import ShiftWindowMSA

from mmrefseg.models import StemSwin
from mmrefseg.models.backbones.window_attention import WindowAttention
from mmrefseg.models.backbones.window_layout import window_layout

SMALL = dict(embed_dims=4, depths=(2, 2), num_heads=(1, 2), strides=(4, 2), out_indices=(0, 1), drop_path_rate=0.)


def pair(**kwargs):
    """mmseg's and ours in double precision with the same weights, none at a value that hides a mistake."""
    torch.manual_seed(0)
    theirs, ours = SwinTransformer(**SMALL, **kwargs).double(), StemSwin(**SMALL, **kwargs).double()
    with torch.no_grad():
        for value in theirs.parameters():
            value.normal_(0, 0.5)
    assert list(theirs.state_dict()) == list(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


# Without padding; with it; padding in the last two windows of a row once shifted; maps smaller than a window.
@pytest.mark.parametrize('window,shape,qkv_bias', [
    (3, (48, 72), True), (7, (96, 120), True), (4, (68, 52), False), (5, (44, 104), True), (9, (28, 20), True)])
def test_equals_mmsegs(window, shape, qkv_bias):
    theirs, ours = pair(window_size=window, qkv_bias=qkv_bias)
    images = torch.randn(2, 3, *shape, dtype=torch.double)
    theirs.eval(), ours.eval()
    with torch.no_grad():
        for one, other in zip(theirs(images), ours(images)):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    theirs.train(), ours.train()
    losses = [sum(maps.sin().sum() for maps in model(images)) for model in (theirs, ours)]
    for one, other in zip(*(torch.autograd.grad(loss, list(model.parameters()))
                            for loss, model in zip(losses, (theirs, ours)))):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize('shift', [0, 2])
def test_every_pixel_is_in_one_window(shift):
    layout = window_layout(2, 7, 11, 5, shift, torch.device('cpu'))
    assert sorted(layout.order.tolist()) == list(range(2 * 7 * 11))
    assert torch.equal(layout.order[layout.inverse], torch.arange(2 * 7 * 11))
    assert sum(group.num_rows for group in layout.groups) == 2 * 7 * 11
    assert window_layout(2, 7, 11, 5, shift, torch.device('cpu')) is layout


def attention():
    torch.manual_seed(0)
    module = WindowAttention(ShiftWindowMSA(8, 2, 3, 1)).eval()
    module.w_msa.relative_position_bias_table.data.normal_()
    return module


def reload(module):
    state = module.state_dict()
    module.load_state_dict({**state, 'w_msa.relative_position_bias_table': torch.randn(25, 2)})


def assign(module):
    state = module.state_dict()
    module.load_state_dict({**state, 'w_msa.relative_position_bias_table': torch.randn(25, 2)}, assign=True)


def swap_data(module):
    # As mmengine's EMAHook does before validation: no version tells of it, but eval() comes next.
    module.w_msa.relative_position_bias_table.data.copy_(torch.randn(25, 2))
    module.eval()


def step(module):
    module.w_msa.relative_position_bias_table.grad = torch.ones(25, 2)
    torch.optim.SGD(module.parameters(), lr=1.).step()


@torch.no_grad()
@pytest.mark.parametrize('change', [reload, assign, swap_data, step])
def test_no_bias_is_kept_too_long(change):
    module, tokens = attention(), torch.randn(1, 20, 8)
    before = module(tokens, (4, 5))
    assert torch.equal(module(tokens, (4, 5)), before)
    change(module)
    fresh = WindowAttention(ShiftWindowMSA(8, 2, 3, 1)).eval()
    fresh.load_state_dict(module.state_dict())
    after = module(tokens, (4, 5))
    assert not torch.equal(after, before) and torch.equal(after, fresh(tokens, (4, 5)))


@torch.no_grad()
def test_kept_biases_know_size_and_precision():
    module = attention()
    for size in ((4, 5), (5, 4), (3, 3)):
        tokens = torch.randn(2, size[0] * size[1], 8)
        module(tokens, size)
        assert torch.equal(module(tokens, size), attention()(tokens, size))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        half = module(tokens, size)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(module(tokens, size), half.float(), rtol=0.05, atol=0.05)


def test_what_inference_left_can_be_trained_with():
    module, tokens = attention(), torch.randn(1, 77, 8)
    with torch.inference_mode():
        module(tokens, (7, 11))  # of a size that no other test has built the windows of
    module.train()(tokens, (7, 11)).sum().backward()
    assert all(value.grad is not None for value in module.parameters())
