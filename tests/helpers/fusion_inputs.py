"""What the tests of fusions and decoders share: made-up texts, norms that do something, checks."""

import torch
from torch.nn.functional import relu
from torch.nn.modules.batchnorm import _BatchNorm

from mmrefseg.structures import TextFeatures


def make_text(lengths, channels):
    """N expressions of these lengths; the sentence is the mean of the real words, and padding is not 0."""
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    words = torch.randn(len(lengths), max(lengths), channels)
    sentence = torch.stack([row[real].mean(0) for row, real in zip(words, mask)])
    return TextFeatures(words, mask, sentence)


def pad_more(text, count=3):
    """The same expressions with more padding, of other values."""
    rows, length, channels = text.words.shape
    words = torch.cat([text.words.masked_fill(~text.mask[..., None], 7.), torch.randn(rows, count, channels)], dim=1)
    mask = torch.cat([text.mask, torch.zeros(rows, count, dtype=torch.bool)], dim=1)
    return TextFeatures(words, mask, text.sentence)


def stir_norms(module):
    """Give batch norms statistics and weights of a trained net; returns the module in eval mode."""
    for norm in module.modules():
        if isinstance(norm, _BatchNorm):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
            torch.nn.init.normal_(norm.weight)
            torch.nn.init.normal_(norm.bias)
    return module.eval()


def batch_norm(norm, x):
    """A batch norm at inference, written out: (N, C, *)."""
    values = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    mean, var, weight, bias = (value.view(1, -1, *[1] * (x.dim() - 2)) for value in values)
    return (x - mean) / (var + norm.eps).sqrt() * weight + bias


def conv_norm_relu(module, x):
    """mmcv's ConvModule, written out."""
    conv = torch.nn.functional.conv2d(x, module.conv.weight, module.conv.bias, padding=module.conv.padding)
    return relu(batch_norm(module.norm, conv))


def assert_grouped_equals_single(fusion, maps, text, image_index):
    """Several expressions of an image give what each gives alone."""
    grouped = fusion(maps, text, image_index).maps
    for row, image in enumerate(image_index):
        single = fusion([level[image:image + 1] for level in maps], text[row:row + 1]).maps
        for level, of_row in zip(grouped, single):
            torch.testing.assert_close(level[row:row + 1], of_row, atol=1e-5, rtol=1e-4)


def idle_parameters(module, total):
    """Names of the parameters that get no gradient from ``total``."""
    total.backward()
    return [name for name, value in module.named_parameters() if value.grad is None or not value.grad.any()]
