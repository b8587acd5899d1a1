"""CASG's decoder equals the paper's equations 11 to 15, and its switches do what they say."""

import pytest
import torch
from fusion_inputs import conv_norm_relu, idle_parameters, make_text, stir_norms
from torch.nn.functional import interpolate

from mmrefseg.models import CASGDecoder
from mmrefseg.structures import MultiModalFeatures

CHANNELS, TEXT_CHANNELS = [4, 6, 8, 10], 5
SIZES = [(24, 16), (12, 8), (6, 4), (3, 2)]


def make_decoder(channels=CHANNELS, **options):
    torch.manual_seed(1)
    return stir_norms(CASGDecoder(in_channels=channels, text_channels=TEXT_CHANNELS, **options))


def make_features(levels=(0, 1, 2, 3)):
    torch.manual_seed(0)
    maps = [torch.randn(2, channels, *size) for channels, size in zip(CHANNELS, SIZES)]
    return MultiModalFeatures(tuple(maps[level] for level in levels), make_text([3, 2], TEXT_CHANNELS))


def literal_stage(stage, visual, decoded, sentence, activate=torch.tanh, language=True, channel=True, spatial=True):
    """Eqs. 11 to 15 for one expression: V_i (C_i, H, W), [F_4, …, F_{i+1}], AvgP(T) (C_t,) -> F_i."""
    def conv(stack, x):
        for layer in stack:
            x = conv_norm_relu(layer, x[None])[0]
        return x

    upsampled = []
    for x in decoded:
        factor = visual.shape[1] // x.shape[1]  # Up2, Up4, Up8
        upsampled.append(interpolate(x[None], scale_factor=factor, mode='bilinear', align_corners=False)[0])
    semantics = conv(stage.coordinate, torch.cat(upsampled))  # I_{i,1}
    if channel:
        given = [sentence] if language else []
        first, relu, second = stage.guidance.channel
        hidden = relu(first.weight @ torch.cat([*given, semantics.mean(dim=(1, 2))]) + first.bias)
        weights = activate(second.weight @ hidden + second.bias)  # C_i
        visual = torch.stack([weight * x for weight, x in zip(weights, visual)])
    fused = conv(stage.fuse_visual, torch.cat([visual, semantics]))  # I_{i,2}
    if spatial:
        layer = stage.guidance.kernel
        kernel = layer.weight @ sentence + layer.bias if language else layer.weight[0, :, 0, 0]
        weights = torch.zeros(semantics.shape[1:])  # S_i
        for i in range(weights.shape[0]):
            for j in range(weights.shape[1]):
                weights[i, j] = activate(semantics[:, i, j] @ kernel)
        fused = fused * weights
    return conv(stage.fuse_semantics, torch.cat([fused, semantics]))


@pytest.mark.parametrize('num_convs', [1, 2])
def test_equals_the_formula(num_convs):
    decoder, features = make_decoder(num_convs=num_convs), make_features()
    out = decoder(features)
    assert out.shape == (2, 4, 24, 16) and decoder.out_channels == 4
    for row in range(2):
        decoded = [features.maps[3][row]]
        for i in (3, 2, 1):
            decoded.append(
                literal_stage(decoder.stages[i - 1], features.maps[i - 1][row], decoded, features.text.sentence[row]))
        torch.testing.assert_close(out[row], decoded[-1], atol=1e-4, rtol=1e-4)


SWITCHES = {  # Table V
    '-language': dict(language=False), '-channel': dict(channel=False), '-spatial': dict(spatial=False),
    'sigmoid': dict(activation='sigmoid'), 'full': dict(),
    'no guidance': dict(channel=False, spatial=False),
}


@pytest.mark.parametrize('name', SWITCHES)
def test_switches(name):
    options = SWITCHES[name]
    decoder, features = make_decoder(CHANNELS[2:], **options), make_features(levels=(2, 3))
    sentence = features.text.sentence
    out = decoder(features)
    literal = dict(options)
    if literal.pop('activation', None):
        literal['activate'] = torch.sigmoid
    for row in range(2):
        expected = literal_stage(
            decoder.stages[0], features.maps[0][row], [features.maps[1][row]], sentence[row], **literal)
        torch.testing.assert_close(out[row], expected, atol=1e-4, rtol=1e-4)
    features.text.sentence = sentence + 1
    depends = not torch.equal(out, decoder(features))
    assert depends == (name not in ('-language', 'no guidance'))
    decoder.train()
    assert idle_parameters(decoder, decoder(features).square().sum()) == []


@pytest.mark.parametrize('levels,num_stages', [((1, 2, 3), 2), ((2, 3), 1), ((3, ), 0)])
def test_fewer_levels_are_fewer_stages(levels, num_stages):
    """Table VI: Y is coarser, and no parameter is left over."""
    decoder, features = make_decoder([CHANNELS[level] for level in levels]), make_features(levels)
    out = decoder(features)
    assert len(decoder.stages) == num_stages
    assert decoder.out_channels == out.shape[1] == CHANNELS[levels[0]] and out.shape[2:] == SIZES[levels[0]]
    if num_stages == 0:
        assert out is features.maps[0] and list(decoder.parameters()) == []
    else:
        decoder.train()
        assert idle_parameters(decoder, decoder(features).square().sum()) == []


def test_sizes_that_are_no_multiples():
    features = make_features()
    maps = tuple(x[..., :-1] for x in features.maps[:-1]) + (features.maps[-1], )
    assert make_decoder()(MultiModalFeatures(maps, features.text)).shape == (2, 4, 24, 15)


def test_wrong_activation():
    with pytest.raises(ValueError, match="decoder.activation is 'relu', expected 'tanh' or 'sigmoid'"):
        make_decoder(activation='relu')
