"""RNNEncoder: the recurrence against torch's cells, GloVe, and every error."""

import pytest
import torch
from mmengine.runner import load_checkpoint, save_checkpoint
from mmengine.runner.checkpoint import get_state_dict
from tiny_text_encoders import LONG, SHORT, Parent, rnn
from torch import nn

from mmrefseg.errors import RefDataError
from mmrefseg.models import RNNEncoder
from mmrefseg.models.text_encoders import rnn_encoder


@pytest.fixture
def printed(monkeypatch):
    """The lines the encoder prints."""
    lines = []
    monkeypatch.setattr(rnn_encoder, 'print_log', lambda line, **kwargs: lines.append(line))
    return lines


@pytest.mark.parametrize('cell', ['gru', 'lstm'])
@pytest.mark.parametrize('num_layers', [1, 2])
def test_rnn_equals_torch_on_single_sentences(cell, num_layers):
    """h_t = concat(forward, backward) on each unpadded sentence, step by step (LTS, equation 1)."""
    encoder = rnn(cell=cell, num_layers=num_layers).eval()
    expressions = [SHORT, LONG, 'man']
    with torch.no_grad():
        text = encoder(expressions)
        for index, expression in enumerate(expressions):
            features = encoder.embedding(torch.tensor(
                [encoder.vocabulary.id_of(word) for word in expression.split()]))
            for layer in range(num_layers):
                outputs, finals = [], []
                for suffix in ('', '_reverse'):
                    states = run_cell(encoder.rnn, cell, f'_l{layer}{suffix}',
                                      features.flip(0) if suffix else features)
                    finals.append(states[-1])
                    outputs.append(states.flip(0) if suffix else states)
                features = torch.cat(outputs, dim=-1)
            assert torch.allclose(text.words[index, :len(features)], features, atol=1e-5)
            assert torch.allclose(text.sentence[index], torch.cat(finals), atol=1e-5)


def run_cell(rnn, cell, suffix, inputs):
    """One direction of one layer, a word at a time: (L, C) -> (L, hidden)."""
    names = [f'{name}{suffix}' for name in ('weight_ih', 'weight_hh', 'bias_ih', 'bias_hh')]
    step = {'gru': nn.GRUCell, 'lstm': nn.LSTMCell}[cell](inputs.shape[-1], rnn.hidden_size)
    step.load_state_dict({name.split('_l')[0]: getattr(rnn, name) for name in names})
    state, hidden = None, []
    for features in inputs:
        state = step(features[None], state)
        hidden.append((state[0] if cell == 'lstm' else state)[0])
    return torch.stack(hidden)


def test_rnn_signs_alone_are_an_unknown_word():
    with torch.no_grad():
        text = rnn().eval()(['red', '??', 'zebra'])
    assert text.mask.sum(dim=1).tolist() == [1, 1, 1]
    assert torch.allclose(text.words[1], text.words[2]) and not torch.allclose(text.words[0], text.words[1])


def test_rnn_blank_expression():
    with pytest.raises(RefDataError, match=r'expressions\[1\] is empty'):
        rnn()(['red', ' \t'])


def test_rnn_unknown_words_share_an_embedding():
    with torch.no_grad():
        text = rnn().eval()(['red zebra', 'red giraffe', 'red man'])
    assert torch.allclose(text.words[0], text.words[1])
    assert not torch.allclose(text.words[0], text.words[2])


@pytest.fixture
def glove(tmp_path):
    path = tmp_path / 'glove.txt'
    path.write_text('the 1 2 3\nelephant 4 5 6\nat name@domain.com 7 8 9\nred .1 -.2 3e-1\n')
    return path


def test_rnn_glove_loads_in_init_weights(glove, tmp_path, printed):
    encoder = rnn(embed_dims=3, glove=str(glove), freeze_embedding=True)
    assert [name for name, parameter in encoder.named_parameters()
            if not parameter.requires_grad] == ['embedding.weight']
    before = encoder.embedding.weight.clone()
    Parent(encoder).init_weights()
    after = encoder.embedding.weight
    red, the = (encoder.vocabulary.id_of(word) for word in ('red', 'the'))
    assert torch.allclose(after[the], torch.tensor([1., 2., 3.]))
    assert torch.allclose(after[red], torch.tensor([.1, -.2, .3]))
    others = [index for index in range(len(after)) if index not in (red, the)]
    assert torch.equal(after[others], before[others]) and (after[0] == 0).all()
    assert len(printed) == 1 and printed[0].startswith('2 of 10 words have a vector in ')
    state = {name: torch.ones_like(value) for name, value in encoder.state_dict().items()}
    encoder.load_state_dict(state)
    encoder.init_weights()
    assert (encoder.embedding.weight == 1).all()
    # A checkpoint needs no GloVe file.
    rnn(embed_dims=3, glove=str(tmp_path / 'gone.txt')).load_state_dict(state)


def test_rnn_glove_first_line_of_word2vec(tmp_path):
    path = tmp_path / 'word2vec.vec'
    path.write_text('2 3\nred 1 2 3 \nblue 4 5 6 \n')
    encoder = rnn(embed_dims=3, glove=path)
    encoder.init_weights()
    assert encoder.embedding.weight[encoder.vocabulary.id_of('blue')].tolist() == [4, 5, 6]


@pytest.mark.parametrize('lines, error, message', [
    (None, FileNotFoundError, 'glove.txt does not exist .*text_encoder.glove'),
    ('the 1 2 3\nred 1 2\n', ValueError,
     r'glove.txt, line 2: expected a word and 3 numbers .* a word and 2 numbers'),
    ('the 1 2 3 4\n', ValueError, 'line 1: .* a word and 4 numbers'),
    ('the 1 2 3\n\nred 1 2 3\n', ValueError, 'line 2: .* a word and 0 numbers'),
    ('the 1 2 3\nred 1 x 3\n', ValueError, "glove.txt, line 2: .*could not convert"),
    ('red 1 nan 3\n', ValueError, "line 1: the vector of 'red' .*not finite"),
    ('elephant 1 2 3\n', ValueError, "none of the 10 words .*'red'"),
])
def test_rnn_glove_errors(tmp_path, lines, error, message):
    path = tmp_path / 'glove.txt'
    if lines is not None:
        path.write_text(lines)
    encoder = rnn(embed_dims=3, glove=path)
    with pytest.raises(error, match=message):
        encoder.init_weights()


@pytest.mark.parametrize('kwargs, message', [
    (dict(cell='rnn'), "cell must be 'gru' or 'lstm', found 'rnn'"),
    (dict(sentence='cls'), "sentence must be 'last' or 'mean', found 'cls'"),
    (dict(vocab=[]), 'the vocabulary has no word'),
])
def test_rnn_errors(kwargs, message):
    with pytest.raises(ValueError, match=message):
        rnn(**kwargs)


@pytest.mark.parametrize('load', ['torch', 'mmengine'])
@pytest.mark.parametrize('words', [['red', 'the', 'man'], ['the', 'red', 'man', 'blue'], ['the', 'red', 'dog']])
def test_embeddings_of_other_words(tmp_path, load, words):
    """Kept by torch or by mmengine, with or without strictness: never taken for those of other words."""
    options = dict(embed_dims=4, hidden_dims=4)
    encoder = nn.ModuleDict(dict(text_encoder=RNNEncoder(['the', 'red', 'man'], **options)))
    path = str(tmp_path / 'a.pth')
    if load == 'torch':
        torch.save(dict(state_dict=encoder.state_dict()), path)
    else:
        save_checkpoint(dict(state_dict=get_state_dict(encoder)), path)
    same = nn.ModuleDict(dict(text_encoder=RNNEncoder(['the', 'red', 'man'], **options)))
    load_checkpoint(same, path, strict=True)
    other = nn.ModuleDict(dict(text_encoder=RNNEncoder(words, **options)))
    with pytest.raises(RefDataError, match='the checkpoint has the embedding of 5 rows of other words'):
        load_checkpoint(other, path)
    assert 'text_encoder.embedding.weight' in encoder.state_dict() and len(encoder.state_dict()) == 9


def test_older_checkpoints_say_no_words(tmp_path):
    options = dict(embed_dims=4, hidden_dims=4)
    encoder = RNNEncoder(['the', 'red'], **options)
    RNNEncoder(['red', 'the'], **options).load_state_dict(dict(encoder.state_dict()))
