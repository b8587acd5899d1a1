"""IMI equals Eq. 3 of M3Att's paper, written out word by word; IMI* gives every layer the same words."""

import pytest
import torch
from m3_features import idle_parameters, literal_linear, literal_norm, make_text, used, with_longer_padding

from mmrefseg.models import IterativeInteraction

CHANNELS = 6


def literal_imi(module, decoded, language):
    """The real words of one expression: F_dec^n and F_l^{n-1} (L, C) -> F'_dec^n and F_l^n."""
    language = torch.stack([literal_linear(module.next_language, word) for word in language])
    value = torch.stack([(module.value.weight @ word).clamp(min=0) for word in language])
    rows = []
    for feature in decoded:
        asked = (module.query.weight @ feature).clamp(min=0)
        weights = torch.stack([asked @ word for word in language]).softmax(0)
        injected = sum(weight * word for weight, word in zip(weights, value))
        rows.append(literal_norm(module.norm, feature + module.amount * injected))
    return torch.stack(rows), language


def inputs():
    torch.manual_seed(0)
    text = make_text(CHANNELS)
    return torch.randn_like(text.words), text


def test_equals_the_formula():
    decoded, text = inputs()
    module = used(IterativeInteraction(CHANNELS))
    torch.nn.init.constant_(module.amount, 0.7)
    queries, language = module(decoded, text.words, text.mask)
    for row, real in enumerate(text.mask):
        expected = literal_imi(module, decoded[row][real], text.words[row][real])
        torch.testing.assert_close((queries[row][real], language[row][real]), expected, atol=1e-5, rtol=1e-5)


def test_the_same_language():
    decoded, text = inputs()
    module = used(IterativeInteraction(CHANNELS, transform=False))
    torch.nn.init.constant_(module.amount, 0.7)
    queries, language = module(decoded, text.words, text.mask)
    assert language is text.words
    for row, real in enumerate(text.mask):
        for query, feature, word in zip(queries[row][real], decoded[row][real], text.words[row][real]):
            torch.testing.assert_close(query, literal_norm(module.norm, feature + 0.7 * word))
    assert sum(value.numel() for value in module.parameters()) == 1 + 2 * CHANNELS


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('transform', [False, True])
def test_padding_changes_nothing(training, transform):
    decoded, text = inputs()
    module = used(IterativeInteraction(CHANNELS, transform=transform)).train(training)
    longer = with_longer_padding(text, noise=3.)
    filler = torch.full((len(text), 2, CHANNELS), -2.)
    queries, language = module(decoded, text.words, text.mask)
    more_queries, more_language = module(torch.cat([decoded, filler], dim=1), longer.words, longer.mask)
    torch.testing.assert_close(more_queries[longer.mask], queries[text.mask])
    torch.testing.assert_close(more_language[longer.mask], language[text.mask])


@pytest.mark.parametrize('transform', [False, True])
def test_every_parameter_learns(transform):
    decoded, text = inputs()
    module = IterativeInteraction(CHANNELS, transform=transform)
    queries, _ = module(decoded, text.words, text.mask)
    (queries * torch.randn_like(queries)).sum().backward()
    assert idle_parameters(module) == []
