"""M3Att's mask decoder and the other two of its Table III."""

from dataclasses import replace

import pytest
import torch
from m3_features import idle_parameters, used, with_longer_padding, word_features
from torch.nn.functional import conv2d, interpolate, pad

from mmrefseg.models import M3MaskDecoder, VLTDecoder, VLTWordDecoder

CHANNELS = 8


def build(kind='kernel', **options):
    torch.manual_seed(0)
    if kind == 'vlt':
        return VLTWordDecoder(CHANNELS, num_queries=6, feature_size=(4, 6), channels=[[12], [12], [12]], **options)
    options = {**dict(max_words=6, channels=12, num_heads=2, guidance=kind), **options}
    return M3MaskDecoder(CHANNELS, **options)


def padded(features, extra=2, noise=3.):
    """The same features with more padding; what stands there is not 0 in the text, but in the queries."""
    queries = torch.cat([features.queries, torch.zeros(len(features.queries), extra, CHANNELS)], dim=1)
    return replace(features, text=with_longer_padding(features.text, extra, noise), queries=queries)


@pytest.mark.parametrize('guidance', ['kernel', 'concat'])
def test_equals_the_figure(guidance):
    """One expression at a time: kernels as a real 1x1 convolution, convolutions with x2 between them."""
    decoder = used(build(guidance))
    features = word_features(CHANNELS)
    decoded = decoder(features)
    assert decoded.shape == (3, 12, 16, 24) and decoder.out_channels == 12
    for row, real in enumerate(features.text.mask):
        words, image_map = features.queries[row][real][None], features.maps[0][row][None]
        attended = decoder.self_attention(words, words, words, need_weights=False)[0]
        processed = decoder.self_norm(words + attended)[0]  # (L, C)
        if guidance == 'kernel':
            expected = conv2d(image_map, processed[..., None, None])  # L maps
            expected = pad(expected, (0, 0, 0, 0, 0, 6 - len(processed)))
        else:
            expected = torch.cat([image_map, sum(processed)[None, :, None, None].expand_as(image_map)], dim=1)
        for index, stage in enumerate(decoder.stages):
            if index > 0:
                height, width = expected.shape[2:]
                expected = interpolate(expected, size=(2 * height, 2 * width), mode='bilinear')
            expected = stage.bn(stage.conv(expected)).relu()
        torch.testing.assert_close(decoded[row], expected[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('kind', ['kernel', 'concat', 'vlt'])
@pytest.mark.parametrize('training', [False, True])
def test_padding_changes_nothing(kind, training):
    decoder = used(build(kind, **({} if kind == 'vlt' else dict(dropout=0.)))).train(training)
    features = word_features(CHANNELS)
    torch.testing.assert_close(decoder(padded(features)), decoder(features), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('kind', ['kernel', 'concat', 'vlt'])
def test_every_parameter_learns(kind):
    decoder = build(kind)
    decoded = decoder(word_features(CHANNELS, lengths=(6, 1, 3)))
    (decoded * torch.randn_like(decoded)).sum().backward()
    assert idle_parameters(decoder) == []


def test_who_reads_the_map():
    features = word_features(CHANNELS)
    other = features.with_maps((features.maps[0] + torch.randn_like(features.maps[0]), ))
    same = {kind: torch.equal(used(build(kind))(features), used(build(kind))(other)) for kind in ('kernel', 'concat')}
    assert same == dict(kernel=False, concat=False)
    decoder = used(build('vlt'))
    assert torch.equal(decoder(features), decoder(other))


def test_vlt_word_decoder_is_vlts_on_padded_words():
    decoder = used(build('vlt'))
    vlt = VLTDecoder(CHANNELS, num_queries=6, feature_size=(4, 6), channels=[[12], [12], [12]]).eval()
    vlt.load_state_dict(decoder.state_dict())
    features = word_features(CHANNELS)
    assert torch.equal(decoder(features), vlt(padded(features)))
    assert decoder(features).shape == (3, 12, 16, 24)


@pytest.mark.parametrize('options,message', [
    (dict(guidance='vlt'), "decoder.guidance is 'vlt', expected 'kernel' or 'concat'"),
    (dict(max_words=None), 'decoder.max_words is None, expected text_encoder.max_length'),
])
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


@pytest.mark.parametrize('kind,key', [('kernel', 'max_words'), ('vlt', 'num_queries')])
def test_more_words_than_the_config_says(kind, key):
    with pytest.raises(ValueError, match=f'an expression has 7 words, but decoder.{key} is 6'):
        build(kind)(word_features(CHANNELS, lengths=(7, 2, 2)))
    build('concat')(word_features(CHANNELS, lengths=(7, 2, 2)))


@pytest.mark.parametrize('kind', ['kernel', 'concat', 'vlt'])
def test_without_queries(kind):
    with pytest.raises(ValueError, match='model.fusion gives'):
        build(kind)(replace(word_features(CHANNELS), queries=None))
