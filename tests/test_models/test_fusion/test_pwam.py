"""PWAM equals LAVT's formula, written out word by word."""

import pytest
import torch
from torch.nn.functional import gelu

from mmrefseg.models import PWAM, PWAMFusion
from mmrefseg.structures import TextFeatures


def make_text(num, length, channels, lengths=None):
    mask = torch.arange(length) < torch.tensor(lengths or [length] * num)[:, None]
    words = torch.randn(num, length, channels)
    return TextFeatures(words, mask, words[:, 0])


def literal_pwam(pwam, pixels, words):
    """One image (C, HW), the real words (L, C_t) of one expression; loops over pixels and heads."""
    def conv(layer, x):  # (C_in, *) -> (C_out, *)
        return layer.weight[:, :, 0] @ x + layer.bias[:, None]

    def norm(x):
        return (x - x.mean(1, keepdim=True)) / (x.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()

    query, key, value = norm(conv(pwam.query, pixels)), conv(pwam.key, words.T), conv(pwam.value, words.T)
    channels, num_pixels = pixels.shape
    width = channels // pwam.num_heads
    attended = torch.zeros_like(pixels)
    for head in range(pwam.num_heads):
        rows = slice(head * width, (head + 1) * width)
        for pixel in range(num_pixels):
            scores = torch.stack([query[rows, pixel] @ key[rows, word] for word in range(len(words))])
            weights = (scores / channels**0.5).softmax(0)
            attended[rows, pixel] = sum(weights[word] * value[rows, word] for word in range(len(words)))
    attended = norm(conv(pwam.out, attended))
    return gelu(conv(pwam.project[0], gelu(conv(pwam.visual[0], pixels)) * attended))


@pytest.mark.parametrize('num_heads', [1, 3])
def test_equals_the_formula(num_heads):
    torch.manual_seed(0)
    pwam = PWAM(channels=6, text_channels=5, num_heads=num_heads)
    pixels = torch.randn(2, 6, 7)
    text = make_text(3, length=4, channels=5, lengths=[4, 2, 1])
    image_index = torch.tensor([0, 0, 1])
    fused = pwam(pixels, text, image_index)
    for row, image in enumerate(image_index):
        expected = literal_pwam(pwam, pixels[image], text.words[row][text.mask[row]])
        torch.testing.assert_close(fused[row], expected, atol=1e-5, rtol=1e-4)


def test_channels_must_divide():
    with pytest.raises(ValueError, match='channels 6 is no multiple of num_heads 4'):
        PWAM(channels=6, text_channels=5, num_heads=4)


@pytest.mark.parametrize('levels,residual', [(None, True), ([1], True), ([0, 1], False)])
def test_fusion_of_levels(levels, residual):
    torch.manual_seed(0)
    fusion = PWAMFusion(in_channels=[4, 6], text_channels=5, levels=levels, residual=residual)
    maps = (torch.randn(2, 4, 6, 5), torch.randn(2, 6, 3, 2))
    text = make_text(3, length=4, channels=5)
    image_index = torch.tensor([0, 1, 1])
    features = fusion(maps, text, image_index)
    assert features.text is text
    for level, (fused, image_map) in enumerate(zip(features.maps, maps)):
        base = image_map[image_index]
        assert fused.shape == base.shape
        if levels is not None and level not in levels:
            assert torch.equal(fused, base)
            continue
        joint = fusion.fusions[str(level)](base.flatten(2), text).view_as(base)
        torch.testing.assert_close(fused, base + joint if residual else joint)


def test_fusion_errors():
    with pytest.raises(ValueError, match='fusion.levels has 2, but fusion.in_channels has only 2 levels'):
        PWAMFusion(in_channels=[4, 6], text_channels=5, levels=[2])
    fusion = PWAMFusion(in_channels=[4, 6], text_channels=5)
    with pytest.raises(ValueError, match='hands over 1 levels, but fusion.in_channels names 2'):
        fusion([torch.zeros(1, 4, 6, 5)], make_text(1, 2, 5))
