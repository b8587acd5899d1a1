"""The lines that somebody typed, and what a model does not read of them."""

import pytest

from mmrefseg.errors import RefDataError
from mmrefseg.models.text_encoders import BERTEncoder, CLIPTextEncoder, RNNEncoder
from mmrefseg.web_demo import read_expressions, text_notes

WORDS = ['a', 'man', 'in', 'red', 'tie', '##s']
TINY = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)


def encoder(kind: str, max_length: int):
    if kind == 'bert':
        return BERTEncoder(pretrained=None, config=dict(TINY, model_type='bert'), tokenizer=WORDS,
                           max_length=max_length)
    if kind == 'clip':
        return CLIPTextEncoder(pretrained=None, config=TINY, tokenizer=['i n</w>'], max_length=max_length)
    return RNNEncoder(vocab=[*WORDS, '2nd'], embed_dims=4, hidden_dims=4, max_length=max_length,
                      boundaries=kind == 'rnn with boundaries')


def test_lines():
    expressions, notes = read_expressions('  the  red tie \n\n\tman\r\nthe red tie\n')
    assert expressions == ['the red tie', 'man'] and notes == []


@pytest.mark.parametrize('text', [None, '', ' \n\t \n'])
def test_nothing_typed(text):
    with pytest.raises(RefDataError, match='nothing to look for'):
        read_expressions(text)


def test_too_much_typed():
    expressions, notes = read_expressions('\n'.join(f'man {i}' for i in range(20)))
    assert expressions == [f'man {i}' for i in range(16)] and notes == [
        '20 expressions are too many at once: the first 16 were looked for.']
    expressions, (note, ) = read_expressions('red ' * 300 + 'tie')
    assert len(expressions[0]) == 1000 and '1203 characters: the first 1000 were taken' in note


@pytest.mark.parametrize('kind,max_length', [('bert', 6), ('rnn', 4), ('rnn with boundaries', 6), ('clip', 6)])
def test_what_is_cut(kind, max_length):
    """Each of them reads four words, with the tokens of its own where it has any."""
    tokenizer = encoder(kind, max_length).standalone_tokenizer()
    assert text_notes(tokenizer, ['in in in in']) == []
    note, = text_notes(tokenizer, ['in in in in a in'])
    total = 6 + max_length - 4
    # BERT's expression loses its last token, [SEP], so that a fifth word is read.
    rest = 'in' if kind == 'bert' else 'a in'
    assert note == (f'“in in in in a in” is too long for this model: {total} tokens, and it reads {max_length}. '
                    f'Not read: “{rest}”.')
    assert tokenizer.max_length == max_length
    assert text_notes(None, ['in in in in a in']) == []


def test_a_word_that_is_cut_within():
    note, = text_notes(encoder('bert', 3).standalone_tokenizer(), ['a mans'])
    assert note == '“a mans” is too long for this model: 5 tokens, and it reads 3.'


def test_words_that_a_vocabulary_lacks():
    tokenizer = encoder('rnn', 20).standalone_tokenizer()
    assert text_notes(tokenizer, ['a man in red', '2nd tie!']) == []
    note, = text_notes(tokenizer, ['a green man', 'a blue, green tie'])
    assert note.startswith('This model has not learned “green”, “blue”:')
