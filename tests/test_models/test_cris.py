"""CRIS' parts equal its formulas; its backbone; grouped = one by one; what pads changes nothing; what trains."""

import math

import plain_cris as plain
import pytest
import torch
import torch.nn.functional as F
from tiny_text_encoders import WORDS
from torch import nn

from mmrefseg.models import CLIPResNet, CRISDecoder, CRISFusion, DynamicKernelHead, RefSegmentor, SpatialAttentionPool
from mmrefseg.structures import MultiModalFeatures, TextFeatures

CLOSE = dict(atol=2e-5, rtol=2e-5)


def text(rows=2, words=5, channels=8, sentence=6):
    torch.manual_seed(3)
    mask = torch.arange(words) < torch.tensor([[words], [words - 2]])[:rows]
    features = torch.randn(rows, words, channels).masked_fill(~mask[..., None], 0)
    return TextFeatures(features, mask, torch.randn(rows, sentence))


def literal_bottleneck(block, maps):
    inner = plain.relu_norm(block.bn1, F.conv2d(maps, block.conv1.weight))
    inner = plain.relu_norm(block.bn2, F.conv2d(inner, block.conv2.weight, padding=1))
    if isinstance(block.avgpool, nn.AvgPool2d):
        inner = F.avg_pool2d(inner, 2)
    inner = block.bn3(F.conv2d(inner, block.conv3.weight))
    if block.downsample is not None:
        pool, conv, norm = block.downsample
        maps = norm(F.conv2d(F.avg_pool2d(maps, pool.kernel_size), conv.weight))
    return (inner + maps).clamp(min=0)


def test_the_resnet_is_the_literal_one():
    torch.manual_seed(0)
    model = plain.randomize(CLIPResNet(depth=[2, 1, 1, 1], stem_channels=4, pool_channels=6, head_channels=32, grid=2))
    images = torch.randn(2, 3, 64, 96)
    maps = plain.relu_norm(model.bn1, F.conv2d(images, model.conv1.weight, stride=2, padding=1))
    maps = plain.relu_norm(model.bn2, F.conv2d(maps, model.conv2.weight, padding=1))
    maps = F.avg_pool2d(plain.relu_norm(model.bn3, F.conv2d(maps, model.conv3.weight, padding=1)), 2)
    levels = []
    for stage in (model.layer1, model.layer2, model.layer3, model.layer4):
        for block in stage:
            maps = literal_bottleneck(block, maps)
        levels.append(maps)
    with torch.no_grad():
        found = model(images)
        torch.testing.assert_close(found[:2], tuple(levels[1:3]), **CLOSE)
        pool = model.attnpool
        place = F.interpolate(pool.positional_embedding[1:].t().reshape(1, 128, 2, 2), (2, 3), mode='bicubic')
        cells = (levels[3] + place).flatten(2).transpose(1, 2)
        weights = {f'{kind}_{part}': getattr(getattr(pool, f'{part if part != "o" else "c"}_proj'), name)
                   for kind, name in (('w', 'weight'), ('b', 'bias')) for part in 'qkvo'}
        pooled = plain.attention(cells, cells, cells, weights, 4).transpose(1, 2).reshape(2, 6, 2, 3)
        pooled = (pooled + pool.connect[1](F.conv2d(levels[3], pool.connect[0].weight))).clamp(min=0)
        torch.testing.assert_close(found[2], pooled, **CLOSE)
    assert model.gives.maps == tuple(level.shape[1] for level in found) == (32, 64, 6)


def test_positions_at_the_size_of_their_training_are_taken_as_they_are():
    pool = SpatialAttentionPool(8, 4, 2, grid=3)
    assert torch.equal(pool._positions(3, 3).flatten(2)[0].t(), pool.positional_embedding[1:])


@pytest.mark.parametrize('options,message', [
    (dict(depth=34), r'backbone.depth is 34, expected one of \[50, 101\]'),
    (dict(out_indices=(2, 1)), r'backbone.out_indices is \(2, 1\)'),
    (dict(stem_channels=5, head_channels=64), 'backbone.stem_channels is 5')])
def test_options_of_the_resnet(options, message):
    with pytest.raises(ValueError, match=message):
        CLIPResNet(**{**dict(depth=[1, 1, 1, 1]), **options})


def test_a_size_that_the_strides_do_not_divide():
    with pytest.raises(ValueError, match='strides up to 32, found a picture of \\(64, 70\\)'):
        CLIPResNet(depth=[1, 1, 1, 1], stem_channels=4, pool_channels=6, head_channels=32)(torch.zeros(1, 3, 64, 70))


def test_stages_that_are_not_asked_for_are_not_there():
    model = CLIPResNet(depth=[1, 1, 1, 1], stem_channels=4, head_channels=32, out_indices=(0, 1))
    assert model.attnpool is None and not hasattr(model, 'layer3')
    assert [tuple(level.shape[1:]) for level in model(torch.zeros(1, 3, 32, 32))] == [(16, 8, 8), (32, 4, 4)]


def test_the_neck_is_the_literal_one():
    torch.manual_seed(0)
    neck = plain.randomize(CRISFusion([6, 8, 10], 6, channels=(4, 8, 12)))
    maps = [torch.randn(2, 6, 8, 12), torch.randn(2, 8, 4, 6), torch.randn(2, 10, 2, 3)]
    with torch.no_grad():
        found, = neck(maps, text()).maps
        torch.testing.assert_close(found, plain.cris_neck(neck, maps, text().sentence), **CLOSE)
        first = neck([level[:1] for level in maps], text(), torch.tensor([0, 0])).maps[0]
    torch.testing.assert_close(first[0], found[0], **CLOSE)
    assert neck.gives.maps == (found.shape[1], )


@pytest.mark.parametrize('channels', [8, 12])
def test_the_decoder_is_the_literal_one(channels):
    """With words as wide as the pixels, as in CRIS, and with others."""
    torch.manual_seed(0)
    decoder = plain.randomize(CRISDecoder(8, channels, num_layers=2, num_heads=2, feedforward_channels=10,
                                          upsample_channels=(6, 4)))
    maps, words = torch.randn(2, 8, 3, 4), text(channels=channels)
    with torch.no_grad():
        found = decoder(MultiModalFeatures((maps, ), words))
        torch.testing.assert_close(found, plain.cris_decoder(decoder, maps, words.words, words.mask), **CLOSE)
        longer = TextFeatures(F.pad(words.words, (0, 0, 0, 3), value=7.), F.pad(words.mask, (0, 3)), words.sentence)
        torch.testing.assert_close(decoder(MultiModalFeatures((maps, ), longer)), found, **CLOSE)
    assert found.shape == (2, decoder.out_channels, 12, 16)


@pytest.mark.parametrize('classes,size', [(1, 3), (2, 1), (1, 5)])
def test_the_head_is_the_literal_one(classes, size):
    torch.manual_seed(0)
    head = DynamicKernelHead(4, 6, kernel_size=size, num_classes=classes)
    maps = torch.randn(2, 4, 7, 9)
    features = MultiModalFeatures((maps, ), text())
    torch.testing.assert_close(head(maps, features), plain.kernel_head(head, maps, text().sentence), **CLOSE)


def test_the_loss_is_a_binary_cross_entropy_at_the_size_of_the_logits():
    torch.manual_seed(0)
    head = DynamicKernelHead(4, 6)
    maps, target = torch.randn(2, 4, 4, 4), (torch.rand(2, 16, 16) > 0.5).long()
    features = MultiModalFeatures((maps, ), text())
    found = head.loss(maps, features, target)['loss_ce']
    probability = head(maps, features)[:, 0].sigmoid()
    expected = 0.
    for row in range(2):
        for y in range(4):
            for x in range(4):
                value = probability[row, y, x]
                expected -= math.log(value if target[row, 4 * y, 4 * x] else 1 - value)
    assert found.item() == pytest.approx(expected / 32, rel=1e-5)


def test_options_of_decoder_head_and_neck():
    with pytest.raises(ValueError, match='decoder.in_channels is 10, expected a multiple of decoder.num_heads 4'):
        CRISDecoder(10, 8, num_heads=4)
    with pytest.raises(ValueError, match='decoder.upsample_channels is empty'):
        CRISDecoder(8, 8, upsample_channels=())
    with pytest.raises(ValueError, match='decode_head.kernel_size is 2, expected an odd number'):
        DynamicKernelHead(4, 6, kernel_size=2)
    with pytest.raises(ValueError, match=r'fusion.in_channels of CRISFusion is \(4, 8\), expected three'):
        CRISFusion([4, 8], 6)


def tiny_cris():
    torch.manual_seed(0)
    return RefSegmentor(
        text_encoder=dict(type='RNNEncoder', vocab=WORDS, embed_dims=6, hidden_dims=4),
        backbone=dict(type='CLIPResNet', depth=[1, 1, 1, 1], stem_channels=4, pool_channels=16, head_channels=32),
        fusion=dict(type='CRISFusion', in_channels=[32, 64, 16], text_channels=8, channels=[4, 8, 12]),
        decoder=dict(type='CRISDecoder', in_channels=8, text_channels=8, num_layers=1, num_heads=2,
                     feedforward_channels=8, upsample_channels=[8, 4]),
        decode_head=dict(type='DynamicKernelHead', in_channels=4, text_channels=8))


def test_grouped_is_one_by_one():
    model = plain.randomize(tiny_cris())
    images, said = torch.randn(2, 3, 64, 64), ['red circle', 'the red square left of the man', 'blue']
    with torch.no_grad():
        words = model.text_encoder(said)
        grouped = model.run_rows(model.encode_image(images), words, torch.tensor([0, 0, 1])).logits
        for row, image in enumerate((0, 0, 1)):
            alone = model.run_rows(model.encode_image(images[image:image + 1]), model.text_encoder(said[row:row + 1]),
                                   None).logits
            torch.testing.assert_close(alone[0], grouped[row], **CLOSE)


def test_everything_trains():
    model = tiny_cris().train()
    logits = model.run_rows(model.encode_image(torch.randn(2, 3, 64, 64)), model.text_encoder(['red', 'the man']),
                            None).logits
    logits.square().sum().backward()
    assert [name for name, value in model.named_parameters() if value.grad is None] == []
