"""VLT's mask decoder equals its formula, and says what it cannot decode."""

import pytest
import torch
import torch.nn.functional as F

from mmrefseg.models import VLTDecoder
from mmrefseg.structures import MultiModalFeatures


def make_decoder(**options):
    """With batch norms that do something in eval mode."""
    torch.manual_seed(0)
    decoder = VLTDecoder(**dict(
        dict(in_channels=5, num_queries=3, feature_size=(2, 4), channels=[[6, 7], [8]]), **options))
    for layer in decoder.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.5, 0.5)
            layer.running_var.uniform_(0.5, 2)
    return decoder.eval()


def make_features(num=2, queries=(3, 5)):
    return MultiModalFeatures((torch.randn(num, 9, 2, 4), ), text=None, queries=torch.randn(num, *queries))


def literal_decoder(decoder, responses, fused):
    """F_b (Q, C) of one expression and the map (C, H, W) -> Y (C', h, w)."""
    height, width = decoder.feature_size
    linear = decoder.spatial[0]
    decoded = torch.zeros(len(responses), height, width)
    for number, response in enumerate(responses):
        for y in range(height):
            for x in range(width):
                row = y * width + x
                decoded[number, y, x] = (linear.weight[row] @ response + linear.bias[row]).clamp(min=0)
    if decoder.map_channels:
        decoded = torch.cat([decoded, fused])
    for number, stage in enumerate(decoder.stages):
        if number > 0:
            decoded = decoded.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
        for layer in stage:
            norm = layer.bn
            decoded = F.conv2d(decoded[None], layer.conv.weight, padding=1)[0]
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            decoded = (decoded - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]
            decoded = torch.where(decoded > 0, decoded, 0.1 * decoded)
    return decoded


@pytest.mark.parametrize('map_channels', [0, 9])
@pytest.mark.parametrize('channels,size', [([[6]], 1), ([[6, 7], [8]], 2), ([[6], [7], [8, 9]], 4)])
def test_equals_the_formula(channels, size, map_channels):
    decoder, features = make_decoder(channels=channels, map_channels=map_channels), make_features()
    decoded = decoder(features)
    assert decoded.shape == (2, decoder.out_channels, 2 * size, 4 * size) and decoder.out_channels == channels[-1][-1]
    for row in range(2):
        expected = literal_decoder(decoder, features.queries[row], features.maps[0][row])
        torch.testing.assert_close(decoded[row], expected, atol=1e-5, rtol=1e-4)


def test_without_map_channels_the_map_is_not_read():
    decoder, features = make_decoder(), make_features()
    torch.testing.assert_close(decoder(features.with_maps(())), decoder(features))


@pytest.mark.parametrize('map_channels', [0, 9])
def test_gradient_reaches_every_parameter(map_channels):
    decoder = make_decoder(map_channels=map_channels).train()
    decoder(make_features()).square().sum().backward()
    assert [name for name, value in decoder.named_parameters() if not value.grad.any()] == []


@pytest.mark.parametrize('channels', [[], [[6], []]])
def test_every_size_needs_a_width(channels):
    with pytest.raises(ValueError, match='decoder.channels is .* expected one width or more for each size'):
        make_decoder(channels=channels)


@pytest.mark.parametrize('queries', [(4, 5), (3, 6)])
def test_other_queries(queries):
    with pytest.raises(ValueError, match=f'gives {queries[0]} queries of {queries[1]} channels, but '
                       'decoder.num_queries is 3 and decoder.in_channels 5'):
        make_decoder()(make_features(queries=queries))


def test_no_queries():
    with pytest.raises(ValueError, match='model.fusion gives none: use VLTFusion'):
        make_decoder()(MultiModalFeatures((torch.randn(1, 9, 2, 4), ), text=None))
