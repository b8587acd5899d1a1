"""RelevanceFilter equals Eq. 8 and the readings of Table 5 that its docstring gives, pixel by pixel."""

import pytest
import torch

from mmrefseg.models import RelevanceFilter
from mmrefseg.structures import TextFeatures


def make_text(lengths=(4, 2), channels=5):
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    words = torch.randn(len(lengths), max(lengths), channels)
    return TextFeatures(words, mask, torch.randn(len(lengths), channels))


def literal_filter(relevance, fused, words, sentence):
    """H_mask (H, W) of one expression: words (L, C_t) real ones, fused (C, H, W)."""
    def conv(kernel, image_map):
        response = torch.zeros(image_map.shape[1:])
        for y in range(image_map.shape[1]):
            for x in range(image_map.shape[2]):
                response[y, x] = sum(kernel[c] * image_map[c, y, x] for c in range(len(kernel)))
        return response

    def answer(matrix, image_map):
        if relevance.word_score is None:
            return conv(matrix @ sentence, image_map)
        weights = torch.stack([relevance.word_score.weight[0] @ word for word in words]).softmax(0)
        return sum(weight * conv(matrix @ word, image_map) for weight, word in zip(weights, words))

    matrices = [kernel.weight for kernel in relevance.kernels]
    response = answer(matrices[0], fused)
    for matrix in matrices[1:]:
        response = response + answer(matrix, fused * response.sigmoid())
    return response


@pytest.mark.parametrize('per_word', [False, True])
@pytest.mark.parametrize('num_filterings', [1, 2, 3])
def test_equals_the_formula(num_filterings, per_word):
    torch.manual_seed(0)
    relevance = RelevanceFilter(6, 5, num_filterings=num_filterings, per_word=per_word)
    assert len(relevance.kernels) == num_filterings
    fused, text = torch.randn(2, 6, 3, 4), make_text()
    prior = relevance(fused, text)
    assert prior.shape == (2, 1, 3, 4)
    for row in range(2):
        expected = literal_filter(relevance, fused[row], text.words[row][text.mask[row]], text.sentence[row])
        torch.testing.assert_close(prior[row, 0], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('per_word', [False, True])
def test_gradient_and_padding(per_word):
    torch.manual_seed(0)
    relevance = RelevanceFilter(6, 5, num_filterings=2, per_word=per_word)
    fused, text = torch.randn(2, 6, 3, 4), make_text()
    relevance(fused, text).square().sum().backward()
    assert all(value.grad.any() for value in relevance.parameters())
    noisy = TextFeatures(text.words.masked_fill(~text.mask[..., None], 1e3), text.mask, text.sentence)
    torch.testing.assert_close(relevance(fused, noisy), relevance(fused, text))


def test_words_or_sentence():
    torch.manual_seed(0)
    fused, text = torch.randn(2, 6, 3, 4), make_text()
    other = TextFeatures(text.words + torch.randn_like(text.words), text.mask, text.sentence)
    of_sentence, of_words = RelevanceFilter(6, 5), RelevanceFilter(6, 5, per_word=True)
    assert torch.equal(of_sentence(fused, text), of_sentence(fused, other))
    assert not torch.allclose(of_words(fused, text), of_words(fused, other))


def test_starts_with_small_logits():
    torch.manual_seed(0)
    relevance = RelevanceFilter(1024, 1024)
    relevance.init_weights()
    text = make_text(channels=1024)
    assert relevance(torch.randn(2, 1024, 3, 4), text).std() < 20
    torch.testing.assert_close(relevance.kernels[0].weight.std(), torch.tensor(0.01), rtol=0.05, atol=0)


def test_at_least_once():
    with pytest.raises(ValueError, match='fusion.locator.num_filterings is 0, expected 1 or more'):
        RelevanceFilter(6, 5, num_filterings=0)
