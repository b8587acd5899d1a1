"""What holds for every text encoder: shapes, padding, gradients, copies, and errors."""

import copy

import pytest
import torch
from tiny_text_encoders import ENCODERS, LONG, SHORT, TINY, Parent, bert

from mmrefseg.errors import RefDataError
from mmrefseg.models.text_encoders import BERTEncoder
from mmrefseg.registry import MODELS


@pytest.fixture(params=ENCODERS)
def make(request):
    return ENCODERS[request.param]


def test_shapes_and_registry(make):
    encoder = make()
    assert MODELS.get(type(encoder).__name__) is type(encoder)
    text = encoder([SHORT, LONG, 'man'])
    assert text.words.shape == (3, text.mask.shape[1], encoder.out_channels)
    assert text.sentence.shape == (3, encoder.out_channels)
    assert text.mask.dtype == torch.bool and len(text) == 3
    lengths = text.mask.sum(dim=1)
    assert lengths.max() == text.mask.shape[1]  # padded to the longest, no further
    assert torch.equal(text.mask, torch.arange(text.mask.shape[1]) < lengths[:, None])
    assert (text.words[~text.mask] == 0).all() and text.words.isfinite().all()


@pytest.mark.parametrize('sentence', ['mean', 'other'])
def test_padding_changes_nothing(make, sentence):
    encoder = make(sentence='mean') if sentence == 'mean' else make()
    encoder.eval()
    with torch.no_grad():
        together = encoder([SHORT, LONG, 'blue'])
        for index, expression in enumerate([SHORT, LONG, 'blue']):
            alone = encoder([expression])
            length = alone.mask.shape[1]
            assert together.mask[index].sum() == length
            assert (together.words[index, :length] - alone.words[0]).abs().max() <= 1e-5
            assert (together.sentence[index] - alone.sentence[0]).abs().max() <= 1e-5
    # What stands in the padding has no influence: the attention and the state never see it.
    ids, mask = encoder.tokenize([SHORT, LONG])
    other_ids = ids.masked_fill(~mask, 5)
    assert not torch.equal(ids, other_ids)
    with torch.no_grad():
        first, second = encoder.encode(ids, mask), encoder.encode(other_ids, mask)
    if encoder.__class__ is BERTEncoder and encoder.model.config.model_type == 'roberta':
        return  # its positions are counted from the padding ids themselves
    assert (first.words - second.words).abs().max() <= 1e-5
    assert (first.sentence - second.sentence).abs().max() <= 1e-5


def test_words_matter(make):
    encoder = make().eval()
    with torch.no_grad():
        text = encoder(['red circle left', 'left circle red', 'red circle left'])
    assert torch.allclose(text.words[0], text.words[2])
    assert (text.sentence[0] - text.sentence[1]).abs().max() > 1e-4  # word order as well


def test_mean_is_over_real_words(make):
    encoder = make(sentence='mean').eval()
    text = encoder([SHORT, LONG])
    for words, mask, sentence in zip(text.words, text.mask, text.sentence):
        assert torch.allclose(sentence, words[mask].mean(dim=0), atol=1e-6)


@pytest.mark.parametrize('sentence', ['mean', 'other'])
def test_every_parameter_gets_a_gradient(make, sentence):
    encoder = make(sentence='mean') if sentence == 'mean' else make()
    text = encoder([SHORT, LONG])
    (text.words.square().sum() + text.sentence.square().sum()).backward()
    assert [name for name, parameter in encoder.named_parameters()
            if parameter.grad is None or not parameter.grad.isfinite().all()] == []


def test_cut_at_max_length(make):
    encoder = make(max_length=4).eval()
    assert encoder([LONG]).mask.shape == (1, 4)
    with torch.no_grad():
        assert torch.equal(encoder(['the red square left']).words, encoder([LONG]).words)


def test_forward_leaves_nothing_behind(make):
    encoder = make()
    before = {name: set(vars(module)) for name, module in encoder.named_modules()}
    tokenizer = repr(getattr(encoder, 'tokenizer', None))
    encoder([SHORT, LONG])
    assert {name: set(vars(module)) for name, module in encoder.named_modules()} == before
    assert repr(getattr(encoder, 'tokenizer', None)) == tokenizer


def test_deepcopy_and_state_dict(make):
    """What mmengine's EMA and checkpoints need."""
    encoder = make().eval()
    twin, other = copy.deepcopy(encoder), make().eval()
    other.load_state_dict(encoder.state_dict())
    with torch.no_grad():
        expected = encoder([SHORT, LONG]).words
        assert torch.equal(twin([SHORT, LONG]).words, expected)
        assert torch.equal(other([SHORT, LONG]).words, expected)


def test_mixed_precision(make):
    encoder = make()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        text = encoder([SHORT, LONG])
    (text.words.float().sum() + text.sentence.float().sum()).backward()
    assert text.words.isfinite().all()


def test_features_are_where_the_parameters_are():
    # Not BERT's own attention and no packing: they look at the values of the mask.
    encoder = bert(config={**TINY, 'model_type': 'deberta-v2'}).to('meta')
    text = encoder([SHORT, LONG])
    assert {encoder.device.type, text.words.device.type, text.mask.device.type,
            text.sentence.device.type} == {'meta'}


@pytest.mark.parametrize('expressions, error, message', [
    ('red circle', TypeError, 'a list of strings'),
    ([], ValueError, 'at least one expression'),
    (['red', 3], TypeError, r'expressions\[1\] must be a string, found int: 3'),
    (['red', ''], RefDataError, r'expressions\[1\] is empty'),
    (['  \t'], RefDataError, r'expressions\[0\] is empty'),
])
def test_unusable_expressions(make, expressions, error, message):
    with pytest.raises(error, match=message):
        make()(expressions)


def test_max_length_must_be_positive(make):
    with pytest.raises(ValueError, match='max_length must be at least 1, found 0'):
        make(max_length=0)


def test_init_weights_leaves_random_weights_alone(make):
    parent = Parent(make())
    before = copy.deepcopy(parent.state_dict())
    parent.init_weights()
    parent.init_weights()
    parent.text_encoder.init_weights()
    assert all(torch.equal(value, before[name]) for name, value in parent.state_dict().items())
