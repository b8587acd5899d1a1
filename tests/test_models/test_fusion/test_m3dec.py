"""M3Dec: encoder, layers and what lies between them, put together as Figs. 2 and 3 of M3Att's paper have it."""

import pytest
import torch
from m3_features import idle_parameters, make_text, used, with_longer_padding
from mmdet.models.layers import SinePositionalEncoding
from torch import nn

from mmrefseg.models import M3Dec
from mmrefseg.structures import MultiModalFeatures

SIZE = (4, 6)
MAPS = ((5, 8, 12), (6, 4, 6), (7, 2, 3))  # C, H, W of each level
KINDS = [(attention, interaction) for attention in ('shared', 'independent', 'generic')
         for interaction in ('imi', 'same', None)]


def build(**options):
    torch.manual_seed(0)
    options = {**dict(in_channels=[5, 6, 7], text_channels=10, feature_size=SIZE, channels=8, num_heads=2,
                      feedforward_channels=12), **options}
    return M3Dec(**options)


def make_maps(num, scale=1):
    return tuple(torch.randn(num, channels, height * scale, width * scale) for channels, height, width in MAPS)


def plain_m3dec(module, maps, text, interaction):
    """The data flow of Fig. 2, in eval mode, of as many images as expressions."""
    def attention(block, query, memory, mask):
        heads, width = block.num_heads, block.embed_dim // block.num_heads
        q, k, v = (nn.functional.linear(x, weight, bias).unflatten(2, (heads, width)).transpose(1, 2)
                   for x, weight, bias in zip((query, memory, memory), block.in_proj_weight.chunk(3),
                                              block.in_proj_bias.chunk(3)))
        scores = q @ k.transpose(2, 3) / width**0.5
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None, None], float('-inf'))
        return block.out_proj((scores.softmax(3) @ v).transpose(1, 2).flatten(2))

    size = maps[1].shape[2:]
    levels = [nn.functional.avg_pool2d(maps[0], 2), maps[1], nn.functional.interpolate(
        maps[2], size=size, mode='bilinear')]
    image_map = module.merge.project(torch.cat(levels, dim=1))
    pixels = (image_map + SinePositionalEncoding(4, normalize=True)(None, image_map)).flatten(2).transpose(1, 2)
    for layer in module.encoder:
        pixels = layer.norm1(pixels + attention(layer.self_attn, pixels, pixels, None))
        pixels = layer.norm2(pixels + layer.linear2(layer.linear1(pixels).relu()))
    encoded = pixels.transpose(1, 2).reshape(image_map.shape)
    words = language = module.words(text.words)
    queries = words
    for index, layer in enumerate(module.layers):
        if index > 0 and interaction is not None:
            queries, language = module.interactions[index - 1](queries, language, text.mask)
        queries = layer.self_norm(queries + attention(layer.self_attention, queries, queries, text.mask))
        fused = layer.mutual_attention(queries, encoded, text.mask)
        queries = layer.cross_norm(queries + attention(layer.cross_attention, queries, fused, text.mask))
    return encoded, queries


@pytest.mark.parametrize('interaction', ['imi', 'same', None])
def test_equals_the_figure(interaction):
    module = used(build(interaction=interaction))
    maps, text = make_maps(3), make_text(10)
    features = module(maps, text)
    assert isinstance(features, MultiModalFeatures) and features.text is text and len(features.maps) == 1
    encoded, queries = plain_m3dec(module, maps, text, interaction)
    torch.testing.assert_close(features.maps[0], encoded, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(features.queries[text.mask], queries[text.mask], atol=1e-5, rtol=1e-5)
    assert not features.queries[~text.mask].any()


@pytest.mark.parametrize('attention,interaction', KINDS)
def test_expressions_of_an_image_equal_one_by_one(attention, interaction):
    module = used(build(attention=attention, interaction=interaction))
    maps, text = make_maps(2), make_text(10)
    image_index = torch.tensor([1, 0, 1])
    grouped = module(maps, text, image_index)
    assert grouped.maps[0].shape == (3, 8, *SIZE) and grouped.queries.shape == (3, 4, 8)
    for row, image in enumerate(image_index):
        alone = module(tuple(level[image:image + 1] for level in maps), text[row:row + 1])
        torch.testing.assert_close(alone.maps[0][0], grouped.maps[0][row], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(alone.queries[0], grouped.queries[row], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('attention,interaction', KINDS)
def test_padding_changes_nothing(attention, interaction, training):
    module = used(build(attention=attention, interaction=interaction, dropout=0.)).train(training)
    maps, text = make_maps(3), make_text(10)
    longer = with_longer_padding(text, noise=3.)
    plain, padded = module(maps, text), module(maps, longer)
    torch.testing.assert_close(padded.queries[longer.mask], plain.queries[text.mask], atol=1e-5, rtol=1e-5)
    assert not padded.queries[~longer.mask].any()


@pytest.mark.parametrize('num_layers', [1, 2, 4])
@pytest.mark.parametrize('attention,interaction', KINDS)
def test_every_parameter_learns(attention, interaction, num_layers):
    module = build(attention=attention, interaction=interaction, num_layers=num_layers)
    features = module(make_maps(3), make_text(10))
    loss = (features.queries * torch.randn_like(features.queries)).sum()
    loss.backward()
    assert idle_parameters(module) == []
    assert len(module.layers) == num_layers
    assert len(module.interactions or []) == (num_layers - 1 if interaction else 0)


def test_switches_change_the_weights():
    sizes = {kind: sum(value.numel() for value in build(attention=kind[0], interaction=kind[1]).parameters())
             for kind in KINDS}
    assert len(set(sizes.values())) == len(KINDS)
    # Two linear layers with their batch norms in each of the three layers.
    assert sizes['independent', None] - sizes['shared', None] == 3 * 2 * (8 * 8 + 2 * 8)
    # IMI* keeps the scalar and the batch norm.
    assert sizes['shared', 'same'] - sizes['shared', None] == 2 * (1 + 2 * 8)


def test_words_of_the_right_width_come_in_as_they_are():
    module = used(build(text_channels=8, interaction='same', num_layers=2))
    text = make_text(8)
    seen = []
    module.layers[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    module(make_maps(3), text)
    assert module.words is None and seen[0] is text.words


def test_other_sizes():
    maps, text = make_maps(3, scale=2), make_text(10)
    with pytest.raises(ValueError, match=r'fusion.feature_size is \(4, 6\), but the pictures give a map of \(8, 12\)'):
        build()(maps, text)
    assert build(level=0, feature_size=(8, 12))(make_maps(3), text).maps[0].shape == (3, 8, 8, 12)
    assert build(attention='generic')(maps, text).maps[0].shape == (3, 8, 8, 12)  # no weight a pixel


@pytest.mark.parametrize('options,message', [
    (dict(attention='cross'), "fusion.attention is 'cross', expected one of"),
    (dict(interaction='star'), "fusion.interaction is 'star', expected one of"),
    (dict(num_heads=3), 'fusion.channels is 8, expected a multiple of fusion.num_heads 3'),
    (dict(channels=6), 'fusion.channels is 6, expected a multiple of fusion.num_heads 2 and of 4'),
    (dict(level=3), 'fusion.level is 3, but fusion.in_channels has only 3 levels'),
    (dict(num_layers=0), 'fusion.num_layers is 0, expected 1 or more'),
])
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_number_of_levels():
    with pytest.raises(ValueError, match='hands over 2 levels, but fusion.in_channels names 3'):
        build()(make_maps(3)[:2], make_text(10))
