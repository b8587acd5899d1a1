"""TransformerLocator equals a transformer decoder whose memory is the sentence, pixel by pixel."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm, linear

from mmrefseg.models import RelevanceFilter, TransformerLocator
from mmrefseg.structures import TextFeatures

CHANNELS, TEXT_CHANNELS = 8, 5


def make_text(rows=2):
    words = torch.randn(rows, 3, TEXT_CHANNELS)
    return TextFeatures(words, torch.ones(rows, 3, dtype=torch.bool), words.mean(1))


def literal_positions(height, width):
    """(HW, C): the first half of C tells y, the second x; sines and cosines in turn."""
    rows = []
    for y in range(height):
        for x in range(width):
            values = []
            for place, length in ((y, height), (x, width)):
                angle = 2 * math.pi * (place + 1) / length
                for k in range(CHANNELS // 2):
                    value = angle / 10000**(2 * (k // 2) / (CHANNELS // 2))
                    values.append(math.cos(value) if k % 2 else math.sin(value))
            rows.append(values)
    return torch.tensor(rows)


def literal_layer(layer, pixels, position, sentence):
    """One expression: pixels (HW, C), sentence (C_t)."""
    def norm(index, x):
        return layer_norm(x, (CHANNELS, ), layer.norms[index].weight, layer.norms[index].bias)

    attention = layer.attention
    placed = pixels + position
    query, key, value = (linear(x, weight, bias) for x, weight, bias in zip(
        (placed, placed, pixels), attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)))
    width = CHANNELS // attention.num_heads
    attended = torch.zeros_like(pixels)
    for head in range(attention.num_heads):
        columns = slice(head * width, (head + 1) * width)
        for pixel in range(len(pixels)):
            weights = (key[:, columns] @ query[pixel, columns] / width**0.5).softmax(0)
            attended[pixel, columns] = sum(w * v for w, v in zip(weights, value[:, columns]))
    pixels = norm(0, pixels + attention.out_proj(attended))
    # Attention to a memory of one token, by torch's own module: its query and key change nothing.
    to_memory = nn.MultiheadAttention(CHANNELS, attention.num_heads, kdim=TEXT_CHANNELS, vdim=TEXT_CHANNELS)
    to_memory.v_proj_weight.data = layer.sentence_value.weight.data
    to_memory.in_proj_bias.data[2 * CHANNELS:] = layer.sentence_value.bias.data
    to_memory.out_proj = layer.sentence_out
    memory = sentence[None]
    pixels = norm(1, pixels + to_memory(pixels + position, memory, memory)[0])
    return norm(2, pixels + layer.contract(layer.expand(pixels).relu()))


@pytest.mark.parametrize('num_layers,num_heads', [(1, 4), (2, 2)])
def test_equals_the_formula(num_layers, num_heads):
    torch.manual_seed(0)
    locator = TransformerLocator(
        CHANNELS, TEXT_CHANNELS, num_layers=num_layers, num_heads=num_heads, hidden_channels=6).eval()
    for value in locator.parameters():
        nn.init.normal_(value, std=0.5)
    fused, text = torch.randn(2, CHANNELS, 3, 5), make_text()
    prior = locator(fused, text)
    assert prior.shape == (2, 1, 3, 5)
    position = literal_positions(3, 5)
    for row in range(2):
        pixels = torch.stack([fused[row, :, y, x] for y in range(3) for x in range(5)])
        for layer in locator.layers:
            pixels = literal_layer(layer, pixels, position, text.sentence[row])
        torch.testing.assert_close(prior[row, 0].flatten(), locator.output(pixels)[:, 0], atol=1e-5, rtol=1e-4)


def test_as_published():
    locator = TransformerLocator(1024, 1024)
    layer, = locator.layers
    assert layer.attention.num_heads == 4 and layer.expand.out_features == 1024


def test_dropout_only_in_training():
    torch.manual_seed(0)
    locator = TransformerLocator(CHANNELS, TEXT_CHANNELS, hidden_channels=6, dropout=0.5)
    fused, text = torch.randn(2, CHANNELS, 3, 5), make_text()
    assert not torch.equal(locator(fused, text), locator(fused, text))
    locator.eval()
    assert torch.equal(locator(fused, text), locator(fused, text))


@pytest.mark.parametrize('channels,num_heads', [(6, 2), (8, 3)])
def test_channels_must_divide(channels, num_heads):
    with pytest.raises(ValueError, match=f'fusion.channels is {channels}, expected a multiple of 4.*{num_heads}'):
        TransformerLocator(channels, TEXT_CHANNELS, num_heads=num_heads)


def test_a_filter_in_the_place_of_the_linear_output():
    torch.manual_seed(0)
    locator = TransformerLocator(CHANNELS, TEXT_CHANNELS, num_filterings=2, dropout=0., hidden_channels=6)
    fused, text = torch.randn(2, CHANNELS, 2, 3), make_text()
    seen = []
    locator.filter.register_forward_pre_hook(lambda module, args: seen.extend(args))
    heatmap = locator(fused, text)
    assert isinstance(locator.filter, RelevanceFilter) and len(locator.filter.kernels) == 2 and locator.output is None
    pixels = fused.flatten(2).transpose(1, 2)
    position = literal_positions(2, 3)
    expected = torch.stack([literal_layer(locator.layers[0], row, position, sentence)
                            for row, sentence in zip(pixels, text.sentence)])
    torch.testing.assert_close(seen[0].flatten(2).transpose(1, 2), expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(heatmap, locator.filter(seen[0], text)) and heatmap.shape == (2, 1, 2, 3)
