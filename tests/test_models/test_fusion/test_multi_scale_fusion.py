"""The fusion of levels equals its formula, an expression at a time."""

import pytest
import torch
import torch.nn.functional as F

from mmrefseg.models import MultiScaleFusion
from mmrefseg.structures import TextFeatures

CHANNELS = (4, 6, 8)


def make_module():
    """With batch norms that do something in eval mode."""
    torch.manual_seed(0)
    module = MultiScaleFusion(CHANNELS, text_channels=5, channels=12)
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.5, 0.5)
            layer.running_var.uniform_(0.5, 2)
    return module.eval()


def make_text(num):
    return TextFeatures(torch.randn(num, 2, 5), torch.ones(num, 2, dtype=torch.bool), torch.randn(num, 5))


def make_maps(num, size=(8, 12)):
    return tuple(
        torch.randn(num, channels, size[0] // 2**level, size[1] // 2**level)
        for level, channels in enumerate(CHANNELS))


def leaky(x):
    return torch.where(x > 0, x, 0.1 * x)


def batch_norm(norm, x):
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return (x - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]


def conv(layer, x):
    padding = layer.conv.weight.shape[-1] // 2
    return leaky(batch_norm(layer.bn, F.conv2d(x[None], layer.conv.weight, padding=padding)[0]))


def literal_fusion(module, fine, middle, coarse, sentence):
    """One image's maps (C_i, H_i, W_i) and one sentence (C_t) -> (C, H_2, W_2)."""
    height, width = middle.shape[1:]
    linear, norm = module.sentence[0], module.sentence[1]
    sentence = linear.weight @ sentence + linear.bias
    sentence = (sentence - sentence.mean()) / (sentence.var(unbiased=False) + norm.eps).sqrt()
    sentence = leaky(sentence * norm.weight + norm.bias)
    visual = coarse + conv(module.visual[1], conv(module.visual[0], coarse))
    product = leaky(batch_norm(module.product[0], visual * sentence[:, None, None]))
    up, pooled = torch.zeros(len(coarse), height, width), torch.zeros(len(fine), height, width)
    for y in range(height):
        for x in range(width):
            up[:, y, x] = product[:, y // 2, x // 2]
            pooled[:, y, x] = fine[:, 2 * y:2 * y + 2, 2 * x:2 * x + 2].mean((1, 2))
    joined = conv(module.join_middle, torch.cat([up, conv(module.middle, middle)]))
    mixed = conv(module.join_fine, torch.cat([joined, conv(module.fine, pooled)]))
    mixed = conv(module.mix[1], conv(module.mix[0], mixed))
    return conv(module.out, torch.cat([mixed, joined]))


@pytest.mark.parametrize('image_index', [None, torch.tensor([0, 0, 1])])
def test_equals_the_formula(image_index):
    module = make_module()
    maps = make_maps(2)
    rows = range(2) if image_index is None else image_index.tolist()
    text = make_text(len(rows))
    fused = module(maps, text, image_index)
    assert fused.shape == (len(rows), 12, 4, 6)
    for row, image in enumerate(rows):
        expected = literal_fusion(module, *(level[image] for level in maps), text.sentence[row])
        torch.testing.assert_close(fused[row], expected, atol=1e-5, rtol=1e-4)


def test_sizes_that_do_not_divide():
    """Swin's levels are rounded up, so that the next one may be more than half."""
    maps = tuple(torch.randn(1, channels, *size) for channels, size in zip(CHANNELS, [(9, 13), (5, 7), (3, 4)]))
    assert make_module()(maps, make_text(1)).shape == (1, 12, 5, 7)


def test_what_is_the_images_runs_once_an_image():
    module = make_module()
    rows = {}
    for name in ('visual', 'middle', 'fine', 'product'):
        getattr(module, name).register_forward_hook(
            lambda layer, args, output, name=name: rows.update({name: len(output)}))
    module(make_maps(1), make_text(3), torch.zeros(3, dtype=torch.long))
    assert rows == dict(visual=1, middle=1, fine=1, product=3)


@pytest.mark.parametrize('num', [1, 2])
def test_gradient_reaches_every_parameter(num):
    module = make_module().train()
    module(make_maps(num), make_text(num)).square().sum().backward()
    assert [name for name, value in module.named_parameters() if not value.grad.any()] == []
