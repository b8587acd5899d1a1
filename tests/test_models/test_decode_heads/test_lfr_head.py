"""LFRHead equals Eq. 4 of M3Att's paper, goes with other methods' queries."""

import math
from dataclasses import replace

import pytest
import torch
from m3_features import idle_parameters, literal_linear, make_text, used, with_longer_padding, word_features

from mmrefseg.models import LFRHead
from mmrefseg.structures import MultiModalFeatures

TARGET = torch.zeros(3, 4, 6, dtype=torch.long)


def build(**options):
    torch.manual_seed(0)
    return LFRHead(**{**dict(query_channels=8, text_channels=6, channels=10), **options})


def make_features(num_queries=None):
    """Queries one a word, or ``num_queries`` that all are real."""
    torch.manual_seed(1)
    features = word_features(8)
    queries = features.queries if num_queries is None else torch.randn(3, num_queries, 8)
    return replace(features, text=make_text(6), queries=queries)


def literal_loss(head, features):
    total = 0
    for row, real in enumerate(features.text.mask):
        words = list(features.text.words[row][real])
        for position, word in enumerate(words):
            waves = [f(position / 10000**(2 * i / 6)) for i in range(3) for f in (math.sin, math.cos)]
            words[position] = word + torch.tensor(waves)
        sequence = [*words, features.text.sentence[row]]
        projected = sum((head.project.weight @ item).clamp(min=0) for item in sequence) / len(sequence)
        queries = features.queries[row][real] if head.word_queries else features.queries[row]
        rebuilt = 0
        for query in queries:
            for layer in head.rebuild:
                query = literal_linear(layer, query)
            rebuilt = rebuilt + query / len(queries)
        total = total + (rebuilt - projected).square().mean()
    return head.loss_weight * total / len(features.text)


@pytest.mark.parametrize('num_queries', [None, 5])
def test_equals_the_formula(num_queries):
    head = used(build(word_queries=num_queries is None))
    features = make_features(num_queries)
    losses = head.loss(None, features, TARGET)
    assert list(losses) == ['loss_rec']
    torch.testing.assert_close(losses['loss_rec'], literal_loss(head, features), atol=1e-5, rtol=1e-5)


def test_weight():
    features = make_features()
    losses = [used(build(loss_weight=weight)).loss(None, features, TARGET)['loss_rec'] for weight in (0.1, 1)]
    assert losses[1] > 0
    torch.testing.assert_close(10 * losses[0], losses[1])


@pytest.mark.parametrize('training', [False, True])
def test_padding_changes_nothing(training):
    head = used(build()).train(training)
    features = make_features()
    longer = replace(
        features,
        text=with_longer_padding(features.text, noise=3.),
        queries=torch.cat([features.queries, torch.full((3, 2, 8), -2.)], dim=1))
    torch.testing.assert_close(head.loss(None, longer, TARGET), head.loss(None, features, TARGET))


def test_every_parameter_learns_and_so_do_queries_and_words():
    head, features = build(), make_features()
    learned = [features.queries, features.text.words, features.text.sentence]
    for tensor in learned:
        tensor.requires_grad_()
    head.loss(None, features, TARGET)['loss_rec'].backward()
    assert idle_parameters(head) == []
    assert all(tensor.grad.any() for tensor in learned)


def test_errors():
    head, features = build(), make_features()
    with pytest.raises(ValueError, match='LFRHead in model.auxiliary_head reads features.queries, and model.fusion'):
        head.loss(None, MultiModalFeatures(features.maps, features.text), TARGET)
    with pytest.raises(ValueError, match='an expression has 5 queries and 4 words: set word_queries=False'):
        head.loss(None, make_features(num_queries=5), TARGET)
    with pytest.raises(ValueError, match='belongs in model.auxiliary_head, not in model.decode_head'):
        head.predict(None, features)
