"""Mixed precision at inference: what is cast, what is refused, and that what would lose too much does not."""

import copy
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT, TINY_CONFIG
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from mmrefseg.apis import RefSegInferencer
from mmrefseg.engine import HalfPrecisionHook, use_half_precision
from mmrefseg.models.decode_heads.dynamic_convolution import KernelGenerator
from mmrefseg.models.decode_heads.sadlr_head import pool_object
from mmrefseg.models.fusion import m3att, pwam, s2rm_coparsing, s2rm_distribution
from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample, TextFeatures

PRODUCTS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.MultiheadAttention, KernelGenerator)


def build(config, **changes):
    init_default_scope('mmrefseg')
    torch.manual_seed(0)
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(changes)
    return MODELS.build(cfg.model).eval()


def inputs(expressions=('the red circle', 'a star')):
    torch.manual_seed(1)
    return torch.randn(1, 3, 96, 96), [RefDataSample(metainfo=dict(expressions=list(expressions)))]


def trained_lavt():
    return RefSegInferencer('lavt_nano_refshapes', device='cpu', show_progress=False).model


@pytest.mark.parametrize('make', [
    trained_lavt,  # with weights of chance it loses a quarter where a CPU has no products in bfloat16, as does autocast
    lambda: build(ROOT / 'configs/sadlr/vlt_nano_refshapes.py'),
    lambda: build(ROOT / 'configs/m3att/m3att_nano_refshapes.py')], ids=['lavt', 'vlt', 'm3att'])
@torch.no_grad()
def test_a_model_keeps_its_logits(make):
    model = make()
    half = copy.deepcopy(model)
    assert use_half_precision(half) is half
    for module in half.modules():
        wanted = torch.bfloat16 if isinstance(module, PRODUCTS) else torch.float32
        assert {parameter.dtype for parameter in module.parameters(recurse=False)} <= {wanted}, module
    assert all(buffer.dtype != torch.bfloat16 for buffer in half.buffers())
    logits, exact = half(*inputs()), model(*inputs())
    with torch.autocast('cpu', torch.bfloat16):
        autocast = model(*inputs())
    assert logits.shape == exact.shape
    assert (logits - exact).std() < 0.1 * exact.std()
    assert (logits - exact).std() < 1.2 * (autocast - exact).std()


def test_a_second_time_changes_nothing_and_a_copy_works():
    model = use_half_precision(nn.Sequential(nn.Linear(3, 2)).eval(), torch.float16)
    assert use_half_precision(model) is model and len(model._forward_pre_hooks) == 1
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin[0].weight.zero_()
        assert model(torch.ones(1, 3)).dtype == twin(torch.ones(1, 3)).dtype == torch.float16
        assert torch.equal(twin(torch.ones(1, 3))[0], twin[0].bias) and not torch.equal(model(torch.ones(1, 3))[0],
                                                                                       model[0].bias)


def test_it_does_not_train():
    model = build(TINY_CONFIG)
    HalfPrecisionHook().before_test(SimpleNamespace(model=model))
    with pytest.raises(RuntimeError, match='RefSegmentor is in torch.bfloat16, for inference .* does not train'):
        model(*inputs(), mode='loss')
    with pytest.raises(RuntimeError, match='does not train'):
        model.train()(*inputs())
    with pytest.raises(ValueError, match='data_samples'):
        model.eval()(inputs()[0], None)
    assert not torch.is_autocast_enabled('cpu')


class Inference(nn.Module):
    """Any part on its own, with a parameter whatever the part has."""

    def __init__(self, part):
        super().__init__()
        self.part = part
        self.linear = nn.Linear(1, 1)

    def forward(self, *args):
        found = self.part(*args)
        return torch.cat([x - x.mean((2, 3), keepdim=True) for x in found], 1) if isinstance(found, tuple) else found


def text_features(channels):
    mask = torch.ones(2, 6, dtype=torch.bool)
    mask[0, -2:] = False
    words = torch.randn(2, 6, channels) * 0.3 + 2 * torch.randn(channels)  # what the words of a sentence share
    return TextFeatures(words, mask, words.mean(1))


def same_everywhere(channels, amount):
    return amount * torch.randn(channels, 1, 1)


def parts():
    """A part, its arguments and the error that it may have, between that with and that without care."""
    torch.manual_seed(0)
    text = text_features(64)
    a_map = torch.randn(2, 128, 9, 11) + same_everywhere(128, 10)
    cells = [torch.randn(2, 256, 4, 5) + same_everywhere(256, 3) for _ in range(2)]
    queries = torch.randn(2, 6, 128) + 5 * torch.randn(128)
    return dict(
        pwam=(pwam, pwam.PWAM(64, 64), (torch.randn(2, 64, 60) * 0.3 + 2 * torch.randn(64, 1), text), 0.06),
        m3att=(m3att, m3att.M3Att(128, (9, 11)), (queries, a_map, text.mask), 0.0042),
        coparsing=(s2rm_coparsing, s2rm_coparsing.S2RMCoparsing((4, 5)), cells, 0.001),
        distribution=(s2rm_distribution, s2rm_distribution.S2RMDistribution(128, 64),
                      (a_map[..., :4, :5], text), 0.0038))


@torch.no_grad()
def relative_error(part, args):
    """Of the part in bfloat16."""
    model = Inference(part).eval()
    exact = model(*args)
    return ((use_half_precision(copy.deepcopy(model))(*args).float() - exact).std() / exact.std()).item()


@pytest.mark.parametrize('name', ['pwam', 'm3att', 'coparsing', 'distribution'])
def test_scores_are_kept_accurate(name, monkeypatch):
    module, part, args, tolerance = parts()[name]
    assert relative_error(part, args) < tolerance
    monkeypatch.setattr(module, 'without_autocast', lambda tensor: nullcontext())
    monkeypatch.setattr(module, 'at_least_float32', lambda tensor: tensor)
    assert relative_error(part, args) > tolerance


@pytest.mark.parametrize('trains', [True, False])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_pooling_a_large_object_neither_overflows_nor_drifts(dtype, trains):
    torch.manual_seed(0)
    pixels = (torch.rand(1, 120 * 120, 8) + 20).to(dtype)
    mask = torch.rand(1, 120, 120) < 0.7  # its sum is above what float16 holds
    exact = pixels.float()[mask.flatten(1)].mean(0)
    with torch.set_grad_enabled(trains):
        assert (pool_object(mask, pixels)[0] - exact).abs().max() < 0.002 * 20


@pytest.mark.parametrize('flags, warned', [((), True), (('avx512_bf16', ), False), (('amx_bf16', ), False)])
def test_a_cpu_without_products_in_bfloat16_is_named(monkeypatch, flags, warned):
    found, said = dict(architecture='x86_64', cpu_name='Old', avx512_bf16=False, amx_bf16=False), []
    monkeypatch.setattr(torch.cpu, 'get_capabilities', lambda: dict(found, **{flag: True for flag in flags}),
                        raising=False)
    monkeypatch.setattr(sys.modules[use_half_precision.__module__], 'print_log', lambda text, **_: said.append(text))
    use_half_precision(nn.Linear(2, 2))
    assert [text[:45] for text in said] == ['this CPU (Old) has no products in bfloat16 (a'] * warned
