"""The vocabulary of the recurrent encoder."""

import copy
import re

import pytest
import torch

from mmrefseg.errors import RefDataError
from mmrefseg.models.text_encoders import Vocabulary, tokenize
from mmrefseg.models.text_encoders import vocabulary as vocabulary_module


@pytest.mark.parametrize('text, words', [
    ('The RED circle', ['the', 'red', 'circle']),
    ("man's t-shirt, 2nd from left!", ["man's", 't', 'shirt', '2nd', 'from', 'left']),
    ("'quoted' boys'", ['quoted', 'boys']),
    ("man\u2019s", ["man's"]),
    ('red_car  no. 12', ['red', 'car', 'no', '12']),
    ('CAF\u00c9 cafe\u0301', ['caf\u00e9', 'caf\u00e9']),
    ('?!', []),
    ('\u0932\u093e\u0932 \u092e\u093f\u0930\u094d\u091a!', ['\u0932\u093e\u0932', '\u092e\u093f\u0930\u094d\u091a']),
    ('\u0e17\u0e35\u0e48 \u0e19\u0e31\u0e48\u0e07', ['\u0e17\u0e35\u0e48', '\u0e19\u0e31\u0e48\u0e07']),
    ('\u0645\u06cc\u200c\u0631\u0648\u062f', ['\u0645\u06cc\u200c\u0631\u0648\u062f']),
    ('\u0623\u064e\u062d\u0645\u0631, \u4eba', ['\u0623\u064e\u062d\u0645\u0631', '\u4eba']),
])
def test_tokenize(text, words):
    assert tokenize(text) == words
    assert tokenize(' '.join(words)) == words  # what a vocabulary holds is found again


def test_real_expressions_survive(shared_dir):
    """Of letters and digits nothing is lost in RefCOCO's own expressions."""
    path = shared_dir / 'expressions' / 'refcoco_val.tsv'
    expressions = [text for line in path.read_text(encoding='utf-8').splitlines()
                   for text in line.split('\t')[2:]]
    assert len(expressions) > 10_000
    for text in expressions:
        assert re.sub("[^a-z0-9]", '', ''.join(tokenize(text))) == re.sub(
            '[^a-z0-9]', '', text.lower())


def test_ids():
    vocabulary = Vocabulary(['red', 'blue'])
    assert (Vocabulary.pad_id, Vocabulary.unknown_id) == (0, 1)
    assert len(vocabulary) == 4 and vocabulary.words == ('red', 'blue')
    assert [vocabulary.id_of(word) for word in ('red', 'blue', 'green')] == [2, 3, 1]
    assert 'red' in vocabulary and 'green' not in vocabulary


def test_encode():
    ids, mask = Vocabulary(['red', 'blue']).encode(
        ['Blue, red and blue', 'red', 'green red'], max_length=3)
    assert torch.equal(ids, torch.tensor([[3, 2, 1], [2, 0, 0], [1, 2, 0]]))
    assert torch.equal(mask, torch.tensor([[1, 1, 1], [1, 0, 0], [1, 1, 0]]).bool())
    assert ids.dtype == torch.int64


def test_encode_without_a_limit():
    assert Vocabulary(['red']).encode(['red ' * 50])[0].shape == (1, 50)


def test_signs_alone_are_one_unknown_word():
    ids, mask = Vocabulary(['red', 'blue']).encode(['red blue', '??', '-- !'])
    assert torch.equal(ids, torch.tensor([[2, 3], [1, 0], [1, 0]]))
    assert torch.equal(mask, torch.tensor([[1, 1], [1, 0], [1, 0]]).bool())


@pytest.mark.parametrize('blank', ['', ' \t'])
def test_encode_of_a_blank_expression(blank):
    with pytest.raises(RefDataError, match=r'expressions\[1\] is empty'):
        Vocabulary(['red']).encode(['red', blank])


@pytest.mark.parametrize('ending', ['\n', '\r\n', ''])
def test_from_file(tmp_path, ending):
    path = tmp_path / 'vocab.txt'
    path.write_bytes(('red\ncaf\u00e9\nblue'.replace('\n', ending or '\n') + ending).encode())
    for source in (path, str(path)):
        assert Vocabulary(source).words == ('red', 'caf\u00e9', 'blue')


def test_deepcopy():
    assert copy.deepcopy(Vocabulary(['red'])).id_of('red') == 2


@pytest.mark.parametrize('content, error, message', [
    (None, FileNotFoundError, 'vocab.txt does not exist; mmrefseg tool build_vocab'),
    (b'', ValueError, 'vocab.txt: the vocabulary has no word'),
    (b'red\n\nblue\n', ValueError, 'vocab.txt, word 2: the word is empty'),
    (b'red\nblue\n\n', ValueError, 'vocab.txt, word 3: the word is empty'),
    (b'red\nblue\nred\n', ValueError, "word 3: 'red' stands there already as word 1"),
    (b'red\xff\n', ValueError, 'vocab.txt is not UTF-8'),
])
def test_unusable_file(tmp_path, content, error, message):
    path = tmp_path / 'vocab.txt'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=message):
        Vocabulary(path)


@pytest.mark.parametrize('words, error, message', [
    ([], ValueError, 'vocab: the vocabulary has no word'),
    (['red', ''], ValueError, 'vocab, word 2: the word is empty'),
    (['red', 'red'], ValueError, "'red' stands there already"),
    (['red', 3], TypeError, 'vocab, word 2: expected a string, found 3'),
])
def test_unusable_list(words, error, message):
    with pytest.raises(error, match=message):
        Vocabulary(words)


@pytest.mark.parametrize('content, words', [
    (b'\xef\xbb\xbfthe\nred\n', ('the', 'red')), (b'The\nRED\n', ('the', 'red')),
    ('\u00c9t\u00e9\ncafe\u0301\n'.encode(), ('\u00e9t\u00e9', 'caf\u00e9'))])
def test_words_are_taken_as_texts_give_them(tmp_path, content, words):
    (tmp_path / 'vocab.txt').write_bytes(content)
    vocabulary = Vocabulary(tmp_path / 'vocab.txt')
    assert vocabulary.words == words
    assert vocabulary.encode([' '.join(words)])[0].tolist() == [[2, 3]]


def test_words_that_differ_in_capitals_alone():
    with pytest.raises(ValueError, match="word 3: 'THE' is 'the', word 1, in lower case"):
        Vocabulary(['the', 'red', 'THE'])


def test_words_that_no_text_gives_are_counted(monkeypatch):
    lines = []
    monkeypatch.setattr(vocabulary_module, 'print_log', lambda line, **kwargs: lines.append(line))
    assert Vocabulary(['<unk>', 't-shirt', 'red']).words == ('<unk>', 't-shirt', 'red')
    assert 'vocab: 2 of 3 words can never be met' in lines[0]
    Vocabulary(['red'])
    assert len(lines) == 1
