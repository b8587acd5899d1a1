"""The tokens that RNNEncoder can put around an expression, and what PWAM is without them."""

import pytest
import torch

from mmrefseg.models import PWAM, RNNEncoder

VOCAB = ['the', 'red', 'star']


def make_encoder(**kwargs):
    torch.manual_seed(0)
    return RNNEncoder(vocab=VOCAB, embed_dims=4, hidden_dims=3, **kwargs)


def test_ids_and_mask():
    ids, mask = make_encoder(boundaries=True, max_length=5).tokenize(['the red star star the', 'star', 'red unheard'])
    begin, end, pad, unknown = 5, 6, 0, 1
    assert ids.tolist() == [[begin, 2, 3, 4, end], [begin, 4, end, pad, pad], [begin, 3, unknown, end, pad]]
    assert mask.tolist() == [[True] * 5, [True] * 3 + [False] * 2, [True] * 4 + [False]]


def test_boundaries_have_embeddings_of_their_own_and_padding_changes_nothing():
    encoder = make_encoder(boundaries=True)
    assert encoder.embedding.num_embeddings == make_encoder().embedding.num_embeddings + 2
    together, alone = encoder(['the red red red star', 'star']), encoder(['star'])
    torch.testing.assert_close(together.words[1:, :3], alone.words)
    torch.testing.assert_close(together.sentence[1:], alone.sentence)


def test_a_word_needs_three_tokens():
    with pytest.raises(ValueError, match='max_length is 2, expected 3 or more'):
        make_encoder(boundaries=True, max_length=2)


@pytest.mark.parametrize('boundaries', [False, True])
def test_pwam_tells_single_words_apart_only_with_boundaries(boundaries):
    """Of one token every pixel gathers the same, and the instance norm takes a constant away."""
    encoder, pwam = make_encoder(boundaries=boundaries).double(), PWAM(channels=6, text_channels=6).double()
    pixels = torch.randn(1, 6, 50).double()
    differences = [(pwam(pixels, encoder([one])) - pwam(pixels, encoder([other]))).abs().max()
                   for one, other in (('red', 'star'), ('the', 'star'))]
    assert all((difference > 1e-3) == boundaries for difference in differences)
