"""What the tests of M3Att's parts share: expressions of different lengths, batch norms that have seen something."""

import torch
from torch import nn

from mmrefseg.structures import MultiModalFeatures, TextFeatures

LENGTHS = (4, 1, 3)


def make_text(channels, lengths=LENGTHS, padded_to=None):
    length = padded_to or max(lengths)
    mask = torch.arange(length) < torch.tensor(lengths)[:, None]
    words = torch.randn(len(lengths), length, channels).masked_fill(~mask[..., None], 0)
    return TextFeatures(words, mask, torch.randn(len(lengths), channels))


def with_longer_padding(text, extra=2, noise=0.):
    """The same expressions, padded with more words, which hold ``noise``."""
    filler = torch.full((len(text), extra, text.words.shape[2]), noise)
    words = torch.cat([text.words.masked_fill(~text.mask[..., None], noise), filler], dim=1)
    mask = torch.cat([text.mask, torch.zeros(len(text), extra, dtype=torch.bool)], dim=1)
    return TextFeatures(words, mask, text.sentence)


def word_features(channels, size=(4, 6), lengths=LENGTHS, padded_to=None):
    """What M3Dec hands on: one map, queries one a word."""
    text = make_text(channels, lengths, padded_to)
    image_map = torch.randn(len(lengths), channels, *size)
    queries = torch.randn(*text.words.shape).masked_fill(~text.mask[..., None], 0)
    return MultiModalFeatures((image_map, ), text, queries=queries)


def used(module):
    """In eval mode, with statistics, scales and shifts of batch norms as after some training."""
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(layer.running_mean, std=0.5)
            nn.init.uniform_(layer.running_var, 0.5, 2)
        if isinstance(layer, (nn.modules.batchnorm._BatchNorm, nn.LayerNorm)):
            nn.init.uniform_(layer.weight, 0.5, 2)
            nn.init.normal_(layer.bias, std=0.5)
    return module.eval()


def literal_norm(norm, row):
    """A batch norm in eval mode, on one row (C,)."""
    return (row - norm.running_mean) / (norm.running_var + norm.eps)**0.5 * norm.weight + norm.bias


def literal_linear(layer, row):
    """Linear, batch norm, ReLU on one row (C,)."""
    return literal_norm(layer.norm, layer.linear.weight @ row).clamp(min=0)


def idle_parameters(module):
    return [name for name, value in module.named_parameters() if value.grad is None or not value.grad.any()]
