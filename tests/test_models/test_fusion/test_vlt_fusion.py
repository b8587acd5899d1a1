"""VLT's transformer equals the published layers, written out head by head and pixel by pixel."""

import math

import pytest
import torch
from torch.nn.functional import layer_norm

from mmrefseg.models import VLTFusion
from mmrefseg.structures import TextFeatures

CHANNELS = (4, 6, 8)


def make_fusion(**options):
    torch.manual_seed(0)
    return VLTFusion(**dict(
        dict(in_channels=CHANNELS, text_channels=5, feature_size=(4, 6), channels=12, num_queries=3, num_heads=2,
             num_encoder_layers=2, num_decoder_layers=2, feedforward_channels=10), **options)).eval()


def make_text(lengths, length=None):
    mask = torch.arange(length or max(lengths)) < torch.tensor(lengths)[:, None]
    words = torch.randn(*mask.shape, 5)
    return TextFeatures(words, mask, words[:, 0])


def make_maps(num, size=(8, 12)):
    return tuple(
        torch.randn(num, channels, size[0] // 2**level, size[1] // 2**level)
        for level, channels in enumerate(CHANNELS))


def literal_positions(channels, height, width):
    """Half of the channels for the row, half for the column, both counted from 1 -> (HW, C)."""
    half = channels // 2
    positions = torch.zeros(height * width, channels)
    for y in range(height):
        for x in range(width):
            for offset, place in ((0, y + 1), (half, x + 1)):
                for i in range(half):
                    angle = place / 10000**(2 * (i // 2) / half)
                    positions[y * width + x, offset + i] = math.cos(angle) if i % 2 else math.sin(angle)
    return positions


def literal_attention(attention, queries, memory):
    """(Q, C) and (M, C) -> (Q, C)."""
    weights, biases = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
    query, key, value = (x @ weight.T + bias for x, weight, bias in zip((queries, memory, memory), weights, biases))
    width = queries.shape[1] // attention.num_heads
    heads = []
    for head in range(attention.num_heads):
        part = slice(head * width, (head + 1) * width)
        scores = query[:, part] @ key[:, part].T / width**0.5
        heads.append(scores.softmax(1) @ value[:, part])
    return torch.cat(heads, dim=1) @ attention.out_proj.weight.T + attention.out_proj.bias


def add_and_norm(norm, x, update):
    return layer_norm(x + update, x.shape[-1:], norm.weight, norm.bias)


def feed_forward(layer, x):
    hidden = (x @ layer.linear1.weight.T + layer.linear1.bias).clamp(min=0)
    return hidden @ layer.linear2.weight.T + layer.linear2.bias


def literal_transformer(fusion, fused, queries):
    """F_m (C, H, W) and F_q (Q, C) of one expression -> memory (HW, C), F_r (Q, C)."""
    memory = fused.flatten(1).T + literal_positions(*fused.shape)
    for layer in fusion.encoder.layers:
        memory = add_and_norm(layer.norm1, memory, literal_attention(layer.self_attn, memory, memory))
        memory = add_and_norm(layer.norm2, memory, feed_forward(layer, memory))
    responses = queries
    for layer in fusion.decoder.layers:
        responses = add_and_norm(layer.norm1, responses, literal_attention(layer.self_attn, responses, responses))
        responses = add_and_norm(layer.norm2, responses, literal_attention(layer.multihead_attn, responses, memory))
        responses = add_and_norm(layer.norm3, responses, feed_forward(layer, responses))
    return memory, responses


@pytest.mark.parametrize('query_balance', [True, False])
@pytest.mark.parametrize('num_queries', [1, 3])
def test_equals_the_formula(query_balance, num_queries):
    fusion = make_fusion(query_balance=query_balance, num_queries=num_queries)
    maps, text, image_index = make_maps(2), make_text([4, 2, 1]), torch.tensor([0, 0, 1])
    features = fusion(maps, text, image_index)
    queries = fusion.query_generation(maps[1], text, image_index)
    fused = fusion.multi_scale_fusion(maps, text, image_index)
    assert features.text is text and features.queries.shape == (3, num_queries, 12) and len(features.maps) == 1
    for row in range(3):
        memory, responses = literal_transformer(fusion, fused[row], queries[row])
        if query_balance:
            responses = fusion.query_balance.confidence(queries[row:row + 1], responses[None])[0] * responses
        torch.testing.assert_close(features.queries[row], responses, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(features.maps[0][row], memory.T.view(12, 4, 6), atol=1e-5, rtol=1e-4)


def test_padding_changes_nothing():
    fusion = make_fusion()
    maps, text = make_maps(2), make_text([3, 2], length=5)
    other = TextFeatures(text.words.clone(), text.mask, text.sentence)
    other.words[~text.mask] = 100.
    torch.testing.assert_close(fusion(maps, other).queries, fusion(maps, text).queries)


def test_several_expressions_equal_one_by_one():
    fusion = make_fusion()
    maps, text = make_maps(2), make_text([4, 2, 3])
    image_index = torch.tensor([1, 0, 1])
    together = fusion(maps, text, image_index)
    for row, image in enumerate(image_index):
        alone = fusion([level[image:image + 1] for level in maps], text[row:row + 1])
        torch.testing.assert_close(alone.queries[0], together.queries[row], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(alone.maps[0][0], together.maps[0][row], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('query_balance', [True, False])
def test_gradient_reaches_every_parameter(query_balance):
    fusion = make_fusion(query_balance=query_balance).train()
    # a plain sum of what a layer norm gives is a constant
    fusion(make_maps(2), make_text([4, 3])).queries.pow(3).sum().backward()
    assert [name for name, value in fusion.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_layer_counts():
    fusion = make_fusion(num_encoder_layers=1, num_decoder_layers=3)
    assert (len(fusion.encoder.layers), len(fusion.decoder.layers)) == (1, 3)


def test_layers_start_from_weights_of_their_own():
    fusion = make_fusion()
    for first, second in (fusion.encoder.layers, fusion.decoder.layers):
        assert not first.self_attn.in_proj_weight.equal(second.self_attn.in_proj_weight)


def test_positions_are_no_weights():
    assert not any('position' in name for name in make_fusion().state_dict())


@pytest.mark.parametrize('options,message', [
    (dict(in_channels=(4, 6)), r'fusion.in_channels has 2 levels \(4, 6\), expected three'),
    (dict(num_heads=5), 'fusion.channels is 12, expected a multiple of fusion.num_heads 5 and of 4'),
    (dict(channels=6), 'fusion.channels is 6, expected a multiple of fusion.num_heads 2 and of 4'),
])
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        make_fusion(**options)


def test_maps_that_do_not_fit():
    fusion = make_fusion()
    with pytest.raises(ValueError, match='hands over 2 levels, but fusion.in_channels names 3'):
        fusion(make_maps(1)[1:], make_text([2]))
    with pytest.raises(ValueError, match=r'is \(6, 4\) \(height, width\), but fusion.feature_size is \(4, 6\)'):
        fusion(make_maps(1, size=(12, 8)), make_text([2]))
