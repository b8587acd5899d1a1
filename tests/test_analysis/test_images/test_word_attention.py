"""The weights that a tool computes are those that the modules' outputs are made of."""

import pytest
import torch
import torch.nn.functional as F
from conftest import TINY_CONFIG
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrefseg.analysis.images.word_attention import (
    attention_modules,
    m3att_weights,
    map_size,
    pwam_weights,
    read_words,
    recorded_call,
    word_maps,
)
from mmrefseg.models import PWAM, BERTEncoder, M3Att
from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample, TextFeatures
from mmrefseg.utils import without_pretrained

SIZE = (3, 5)
IMAGE_INDEX = torch.tensor([0, 1, 1])


def text_of(channels):
    """Three expressions of 4, 2 and 3 words, with something in the padding."""
    torch.manual_seed(1)
    mask = torch.arange(4) < torch.tensor([4, 2, 3])[:, None]
    return TextFeatures(torch.randn(3, 4, channels), mask, torch.randn(3, channels))


@pytest.mark.parametrize('num_heads', [1, 2])
def test_pwam(num_heads):
    torch.manual_seed(0)
    module, text, pixels = PWAM(8, 6, num_heads).eval(), text_of(6), torch.randn(2, 8, SIZE[0] * SIZE[1])
    weights = pwam_weights(module, pixels, text, IMAGE_INDEX)
    assert weights.shape == (3, num_heads, 4, 15)
    torch.testing.assert_close(weights.sum(2), torch.ones(3, num_heads, 15))
    assert (weights.transpose(1, 2)[~text.mask] == 0).all()
    # PWAM's formula from the weights on
    values = module.value(text.words.transpose(1, 2)).unflatten(1, (num_heads, -1))  # (N, heads, C / heads, L)
    attended = F.instance_norm(module.out((values @ weights).flatten(1, 2)))
    expected = module.project(module.visual(pixels)[IMAGE_INDEX] * attended)
    torch.testing.assert_close(module(pixels, text, IMAGE_INDEX), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('independent', [False, True])
def test_m3att(independent):
    torch.manual_seed(0)
    module, text, image_map = M3Att(8, SIZE, independent=independent), text_of(8), torch.randn(2, 8, *SIZE)
    module(text.words, image_map, text.mask, IMAGE_INDEX)  # running statistics that are not 0 and 1
    module.eval()
    looks, gathers = m3att_weights(module, text.words, image_map, text.mask, IMAGE_INDEX)
    torch.testing.assert_close(looks.sum(2), torch.ones(3, 4))
    torch.testing.assert_close(gathers.sum(1), torch.ones(3, 15))
    # M3Att's formula from the weights on
    vision = looks @ module.pixel_value(image_map.flatten(2).transpose(1, 2))[IMAGE_INDEX]
    language = gathers.transpose(1, 2) @ module.word_value(text.words, text.mask)
    expected = module.out(vision @ language.transpose(1, 2), text.mask)
    torch.testing.assert_close(module(text.words, image_map, text.mask, IMAGE_INDEX), expected)


def test_maps_of_a_model():
    init_default_scope('mmrefseg')
    model = MODELS.build(Config.fromfile(TINY_CONFIG).model).eval()
    inputs = torch.randn(2, 3, 64, 64)
    samples = [RefDataSample(metainfo=dict(expressions=said)) for said in (['left star'], ['the red ring', 'ring'])]
    state = {name: set(vars(module)) for name, module in model.named_modules()}
    assert list(attention_modules(model)) == [f'backbone.fusions.{i}' for i in range(4)]
    found = word_maps(model, inputs, samples, 'backbone.fusions.1')
    assert [one.words for one in found] == [['(begin)', *said.split(), '(end)']
                                            for said in ('left star', 'the red ring', 'ring')]
    assert [tuple(one.maps.shape) for one in found] == [(4, 8, 8), (5, 8, 8), (3, 8, 8)]
    for one in found:
        torch.testing.assert_close(one.maps.sum(0), torch.ones(8, 8))
    # Nothing is left on the model.
    assert {name: set(vars(module)) for name, module in model.named_modules()} == state
    assert not any(module._forward_pre_hooks for module in attention_modules(model).values())


def test_a_hook_goes_when_the_model_fails():
    module = torch.nn.Linear(2, 2)
    with pytest.raises(RuntimeError), recorded_call(module) as call:
        module(torch.ones(1, 3))
    assert len(call) == 1 and not module._forward_pre_hooks


@pytest.mark.parametrize('cells,input_size,expected', [
    (144, (96, 96), (12, 12)), (15 * 20, (480, 640), (15, 20)), (20 * 15, (640, 480), (20, 15)), (7, (70, 10), (7, 1)),
    (13 * 20, (400, 640), (13, 20)),
])
def test_the_size_of_a_map(cells, input_size, expected):
    assert map_size(cells, input_size) == expected


def test_words_of_word_pieces():
    config = without_pretrained(Config(dict(model=dict(
        backbone=dict(), text_encoder=dict(type='BERTEncoder', pretrained='bert-base-uncased')))).model).text_encoder
    config.pop('type')
    config.config.update(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    assert read_words(BERTEncoder(**config), 'the red mat') == ['[CLS]', 'the', 'red', '[UNK]', '[SEP]']
