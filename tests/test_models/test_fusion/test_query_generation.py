"""Query generation equals VLT's formula, written out query by query and word by word."""

import pytest
import torch
import torch.nn.functional as F

from mmrefseg.models import QueryGeneration
from mmrefseg.structures import TextFeatures


def make_text(lengths, channels, length=None):
    mask = torch.arange(length or max(lengths)) < torch.tensor(lengths)[:, None]
    words = torch.randn(*mask.shape, channels)
    return TextFeatures(words, mask, words[:, 0])


def make_module(**options):
    """With batch norms that do something in eval mode."""
    torch.manual_seed(0)
    module = QueryGeneration(
        **dict(dict(in_channels=5, text_channels=6, feature_size=(3, 4), channels=8, num_queries=2), **options))
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.5, 0.5)
            layer.running_var.uniform_(0.5, 2)
    return module.eval()


def literal_queries(module, image_map, words):
    """One image (C_v, H, W) and the real words (L, C_t) of one expression -> A (Q, L), F_q (Q, C)."""
    reduced = image_map[None]
    for layer in module.reduce[:2]:
        norm = layer.bn
        reduced = F.conv2d(reduced, layer.conv.weight, padding=1)
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        reduced = (reduced - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]
        reduced = torch.where(reduced > 0, reduced, 0.1 * reduced)
    reduced = F.conv2d(reduced, module.reduce[2].weight, module.reduce[2].bias, padding=1)[0]
    attention, queries = [], []
    for per_query in reduced:
        pixels = torch.stack([per_query[y, x] for y in range(per_query.shape[0]) for x in range(per_query.shape[1])])
        visual = (pixels @ module.visual.weight.T).clamp(min=0)
        scores = torch.stack([visual @ (word @ module.key.weight.T).clamp(min=0) for word in words])
        attention.append(scores.exp() / scores.exp().sum())
        queries.append(sum(weight * (word @ module.value.weight.T) for weight, word in zip(attention[-1], words)))
    return torch.stack(attention), torch.stack(queries)


@pytest.mark.parametrize('num_queries', [1, 3])
def test_equals_the_formula(num_queries):
    module = make_module(num_queries=num_queries)
    image_maps, image_index = torch.randn(2, 5, 3, 4), torch.tensor([0, 0, 1])
    text = make_text([4, 2, 1], channels=6)
    attention, queries = module.attention(image_maps, text, image_index), module(image_maps, text, image_index)
    assert queries.shape == (3, num_queries, 8)
    for row, image in enumerate(image_index):
        mask = text.mask[row]
        expected = literal_queries(module, image_maps[image], text.words[row][mask])
        torch.testing.assert_close(attention[row][:, mask], expected[0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(queries[row], expected[1], atol=1e-5, rtol=1e-4)
        assert not attention[row][:, ~mask].any()


def test_padding_changes_nothing():
    module = make_module()
    image_maps, text = torch.randn(2, 5, 3, 4), make_text([3, 2], channels=6, length=5)
    other = TextFeatures(text.words.clone(), text.mask, text.sentence)
    other.words[~text.mask] = 100.
    torch.testing.assert_close(module(image_maps, other), module(image_maps, text))


def test_the_queries_differ_and_depend_on_the_image():
    module = make_module()
    text = make_text([4], channels=6)
    first, second = (module.attention(torch.randn(1, 5, 3, 4), text)[0] for _ in range(2))
    assert not torch.allclose(first[0], first[1]) and not torch.allclose(first, second)


def test_convolutions_run_once_an_image():
    module = make_module()
    rows = []
    module.reduce.register_forward_hook(lambda layer, args, output: rows.append(len(output)))
    module(torch.randn(2, 5, 3, 4), make_text([2, 2, 2, 1], channels=6), torch.tensor([0, 0, 1, 1]))
    assert rows == [2]


def test_gradient_reaches_every_parameter():
    module = make_module().train()
    module(torch.randn(2, 5, 3, 4), make_text([4, 3], channels=6)).square().sum().backward()
    assert [name for name, value in module.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_another_size_is_an_error():
    with pytest.raises(ValueError, match=r'is \(4, 3\) \(height, width\), but fusion.feature_size is \(3, 4\)'):
        make_module()(torch.randn(1, 5, 4, 3), make_text([2], channels=6))
