"""The text encoders: shapes, padding, gradients, pre-trained weights, and every error."""

import copy
import logging
import shutil

import pytest
import torch
from mmengine.model import BaseModule
from torch import nn
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

from mmrefseg.errors import RefDataError
from mmrefseg.models.text_encoders import BERTEncoder, RNNEncoder, bert_encoder, rnn_encoder
from mmrefseg.models.text_encoders.wordpiece import wordpiece_tokenizer
from mmrefseg.registry import MODELS

WORDS = ['red', 'blue', 'circle', 'square', 'left', 'right', 'the', 'of', '##s', 'man']
SHORT, LONG = 'red circle', 'the red square left of the blue circle right of the man'
TINY = dict(model_type='bert', hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
            intermediate_size=32)


def bert(**kwargs):
    kwargs = {**dict(pretrained=None, config=TINY, tokenizer=WORDS), **kwargs}
    return BERTEncoder(**kwargs)


def rnn(**kwargs):
    return RNNEncoder(**{**dict(vocab=WORDS, embed_dims=6, hidden_dims=8), **kwargs})


ENCODERS = {
    'bert': lambda **kwargs: bert(**kwargs),
    'bert-eager': lambda **kwargs: bert(config={**TINY, 'attn_implementation': 'eager'}, **kwargs),
    'distilbert': lambda **kwargs: bert(
        config=dict(model_type='distilbert', dim=16, n_layers=2, n_heads=2, hidden_dim=32),
        **kwargs),
    'roberta': lambda **kwargs: bert(
        config={**TINY, 'model_type': 'roberta', 'pad_token_id': 0}, **kwargs),
    'gru': lambda **kwargs: rnn(**kwargs),
    'lstm': lambda **kwargs: rnn(cell='lstm', **kwargs),
    'gru-one-way': lambda **kwargs: rnn(bidirectional=False, **kwargs),
    'lstm-two-layers': lambda **kwargs: rnn(cell='lstm', num_layers=2, dropout=0.1, **kwargs),
}


@pytest.fixture(params=ENCODERS)
def make(request):
    return ENCODERS[request.param]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A pre-trained model as the hub has BERT: weights of the language model, with its head."""
    path = tmp_path_factory.mktemp('tiny_bert')
    tokenizer = wordpiece_tokenizer(WORDS)
    torch.manual_seed(7)
    values = {key: value for key, value in TINY.items() if key != 'model_type'}
    config = BertConfig(vocab_size=len(tokenizer), **values)
    BertForMaskedLM(config).half().save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


# --- every encoder ---------------------------------------------------------------------------


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


class Parent(BaseModule):
    def __init__(self, text_encoder, init_cfg=None):
        super().__init__(init_cfg=init_cfg)
        self.text_encoder = text_encoder
        self.head = nn.Linear(2, 2)


def test_init_weights_leaves_random_weights_alone(make):
    parent = Parent(make())
    before = copy.deepcopy(parent.state_dict())
    parent.init_weights()
    parent.init_weights()
    parent.text_encoder.init_weights()
    assert all(torch.equal(value, before[name]) for name, value in parent.state_dict().items())


# --- BERTEncoder -----------------------------------------------------------------------------


def test_bert_ids_are_cut_after_tokenizing():
    encoder = bert(max_length=5)
    ids, mask = encoder.tokenize(['Red CIRCLES!', 'the red square left of the man'])
    cls, sep, unknown = (encoder.tokenizer.convert_tokens_to_ids(token)
                         for token in ('[CLS]', '[SEP]', '[UNK]'))
    red, circle, plural = encoder.tokenizer.convert_tokens_to_ids(['red', 'circle', '##s'])
    assert ids[0].tolist() == [cls, red, circle, plural, unknown]  # the "!", and [SEP] is cut
    assert ids[1, 0] == cls and sep not in ids[1]
    assert mask.all()


def test_bert_agrees_with_transformers():
    encoder = bert(max_length=50).eval()
    inputs = encoder.tokenizer([SHORT, LONG], padding=True, return_tensors='pt')
    with torch.no_grad():
        expected = encoder.model(**inputs).last_hidden_state
        text = encoder([SHORT, LONG])
    mask = inputs['attention_mask'].bool()
    assert torch.equal(text.mask, mask)
    assert torch.allclose(text.words[mask], expected[mask], atol=1e-6)
    assert torch.allclose(text.sentence, expected[:, 0], atol=1e-6)


def test_bert_base_has_its_published_size():
    """BERT-base without its pooler: 108.89 M."""
    with torch.device('meta'):
        encoder = BERTEncoder(pretrained=None, config=dict(model_type='bert', vocab_size=30522),
                              tokenizer=WORDS, trainable_layers=10)
    assert encoder.out_channels == 768
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 108_891_648
    trainable = {name for name, parameter in encoder.named_parameters() if parameter.requires_grad}
    assert {name.split('.')[3] for name in trainable} == {str(number) for number in range(10)}


@pytest.mark.parametrize('layers, expected', [
    (None, {'embeddings', '0', '1', '2'}), (2, {'0', '1'}), ([0, 2], {'0', '2'}), (0, set()),
])
@pytest.mark.parametrize('with_cp', [False, True])
def test_bert_trainable_layers(layers, expected, with_cp):
    encoder = bert(trainable_layers=layers, with_cp=with_cp).train()
    text = encoder([SHORT, LONG])
    if expected:
        text.words.square().sum().backward()
    trained = set()
    for name, parameter in encoder.named_parameters():
        part = 'embeddings' if '.embeddings.' in name else name.split('.')[3]
        assert (parameter.grad is not None) == parameter.requires_grad == (part in expected)
        if parameter.grad is not None:
            trained.add(part)
    assert trained == expected


def test_bert_checkpointing_gives_the_same_gradients():
    config = {**TINY, 'hidden_dropout_prob': 0., 'attention_probs_dropout_prob': 0.}
    plain, saving = bert(config=config), bert(config=config, with_cp=True)
    saving.load_state_dict(plain.state_dict())
    for encoder in (plain, saving):
        encoder.train()([SHORT, LONG]).words.square().sum().backward()
    for first, second in zip(plain.parameters(), saving.parameters()):
        assert torch.allclose(first.grad, second.grad, atol=1e-6)


def test_bert_pretrained_weights_load_in_init_weights(folder):
    source = BertForMaskedLM.from_pretrained(folder).bert.float().state_dict()
    encoder = BERTEncoder(pretrained=str(folder))
    embeddings = encoder.model.embeddings.word_embeddings.weight
    assert not torch.equal(embeddings, source['embeddings.word_embeddings.weight'])
    parent = Parent(encoder)
    optimized = list(parent.parameters())
    parent.init_weights()
    assert encoder.is_init and encoder.model.embeddings.word_embeddings.weight is embeddings
    assert [id(parameter) for parameter in parent.parameters()] == [*map(id, optimized)]
    state = encoder.model.state_dict()
    assert set(state) == {name for name in source if not name.startswith('pooler.')}
    assert all(torch.equal(value, source[name]) for name, value in state.items())
    assert all(value.dtype == torch.float32 for value in state.values())  # stored as half


def test_bert_checkpoint_stays_after_init_weights(folder):
    parent = Parent(BERTEncoder(pretrained=str(folder)))
    parent.init_weights()
    state = {name: torch.full_like(value, 0.25) for name, value in parent.state_dict().items()}
    parent.load_state_dict(state)
    parent.init_weights()
    parent.text_encoder.init_weights()
    assert all((value == 0.25).all() for value in parent.state_dict().values())


@pytest.mark.parametrize('level', ['encoder', 'parent'])
def test_bert_init_cfg_checkpoint_wins(folder, tmp_path, level):
    parent = Parent(bert())
    state = {name: torch.full_like(value, 0.5) for name, value in parent.state_dict().items()}
    torch.save(dict(state_dict=state), tmp_path / 'full.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'full.pth'))
    if level == 'encoder':
        # The weights of `pretrained` are not even looked for: there are none at that place.
        init_cfg['prefix'] = 'text_encoder'
        parent = Parent(bert(pretrained=str(tmp_path / 'nothing'), init_cfg=init_cfg))
    else:
        parent = Parent(BERTEncoder(pretrained=str(folder)), init_cfg=init_cfg)
    parent.init_weights()
    assert all((value == 0.5).all() for value in parent.text_encoder.state_dict().values())


def test_bert_needs_no_hub_for_inference(tmp_path):
    encoder = bert(pretrained='no/such-model', local_files_only=True)
    assert encoder([SHORT]).words.shape == (1, 4, 16)
    with pytest.raises(OSError, match='text_encoder.pretrained.*no/such-model.*--local-dir'):
        encoder.init_weights()


def test_bert_config_changes_single_values(folder):
    encoder = BERTEncoder(pretrained=str(folder), config=dict(hidden_dropout_prob=0.3))
    assert encoder.model.config.hidden_dropout_prob == 0.3 and encoder.out_channels == 16


def test_bert_builds_from_an_mmengine_config(folder):
    from mmengine.config import Config
    config = Config(dict(model=dict(type='BERTEncoder', pretrained=None, config=TINY,
                                    tokenizer=WORDS, trainable_layers=[0])))
    assert MODELS.build(config.model)([SHORT]).words.shape == (1, 4, 16)


def test_bert_tokenizers_agree(folder, tmp_path):
    """A list, a vocab.txt, a saved folder and a tokenizer that itself would cut and pad."""
    vocab = tmp_path / 'vocab.txt'
    vocab.write_text('\n'.join(['[PAD]', '[UNK]', '[CLS]', '[SEP]', *WORDS]) + '\n')
    cutting = AutoTokenizer.from_pretrained(folder)
    cutting.backend_tokenizer.enable_truncation(3)
    cutting.backend_tokenizer.enable_padding(length=30)
    cutting.save_pretrained(tmp_path / 'cutting')
    expected = bert().tokenize([SHORT, LONG])
    for tokenizer in (str(vocab), vocab, str(folder), str(tmp_path / 'cutting')):
        ids, mask = bert(tokenizer=tokenizer).tokenize([SHORT, LONG])
        assert torch.equal(ids, expected[0]) and torch.equal(mask, expected[1])


def test_bert_cased_vocabulary_keeps_case():
    assert bert(tokenizer=['Red', 'red']).tokenize(['Red red'])[0][0, 1:3].tolist() == [4, 5]
    assert bert(tokenizer=['red']).tokenize(['Red red'])[0][0, 1:3].tolist() == [4, 4]


@pytest.fixture
def printed(monkeypatch):
    """The lines the encoders print."""
    lines = []
    for module in (bert_encoder, rnn_encoder):
        monkeypatch.setattr(module, 'print_log', lambda line, **kwargs: lines.append(line))
    return lines


def test_bert_is_quiet(folder, printed, capfd, caplog, recwarn):
    with caplog.at_level(logging.WARNING):
        encoder = BERTEncoder(pretrained=str(folder), max_length=4)
        encoder.load_pretrained()
        encoder(['red ' * 2000])
    assert printed == [f'BERTEncoder: 53 weights from {folder}.']
    assert capfd.readouterr() == ('', '')
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert [str(warning.message) for warning in recwarn] == []


def test_bert_folder_without_weights(folder, tmp_path):
    copied = shutil.copytree(folder, tmp_path / 'copy',
                             ignore=shutil.ignore_patterns('*.safetensors'))
    encoder = BERTEncoder(pretrained=str(copied))
    with pytest.raises(OSError, match='text_encoder.pretrained=.*cannot be read'):
        encoder.init_weights()


def test_bert_folder_of_another_architecture(folder):
    encoder = BERTEncoder(pretrained=str(folder), config={**TINY, 'num_hidden_layers': 4})
    with pytest.raises(ValueError, match='lacks 16 of the 69 weights.*encoder.layer.3'):
        encoder.init_weights()


@pytest.mark.parametrize('kwargs, error, message', [
    (dict(sentence='last'), ValueError, "sentence must be 'cls' or 'mean', found 'last'"),
    (dict(tokenizer=None), ValueError, 'pretrained is None: then .*tokenizer must be given'),
    (dict(config=None), ValueError, 'pretrained is None: then .*config with a model_type'),
    (dict(config=dict(hidden_size=16)), ValueError, 'config with a model_type'),
    (dict(config=dict(model_type='nonsense')), ValueError, "no model_type 'nonsense'"),
    (dict(config=dict(model_type='t5')), ValueError, 't5 is an encoder with a decoder'),
    (dict(config={**TINY, 'vocab_size': 5}), ValueError, '14 ids, the model only 5 embeddings'),
    (dict(config={**TINY, 'max_position_embeddings': 8}), ValueError, 'only 8 positions'),
    (dict(trainable_layers=4), ValueError, 'layers 0 to 2'),
    (dict(trainable_layers=[-1]), ValueError, 'layers 0 to 2'),
    (dict(trainable_layers=1, config={**TINY, 'model_type': 'albert', 'embedding_size': 8}),
     ValueError, 'AlbertModel has no list of 3 layers'),
    (dict(tokenizer=['[CLS]', 'red']), ValueError, r'lacks \[PAD\], \[UNK\], \[SEP\]'),
    (dict(tokenizer=['red', 'red']), ValueError, "word 2: 'red' stands there already as word 1"),
    (dict(tokenizer='no/such-tokenizer', local_files_only=True), OSError,
     "text_encoder.tokenizer='no/such-tokenizer' cannot be read"),
    (dict(pretrained='no/such-model', config=None, tokenizer=WORDS, local_files_only=True), OSError,
     "text_encoder.pretrained='no/such-model' cannot be read"),
    (dict(pretrained='./no_such_folder', config=None, tokenizer=None), OSError,
     "text_encoder.pretrained='./no_such_folder' cannot be read"),
])
def test_bert_errors(kwargs, error, message):
    with pytest.raises(error, match=message):
        bert(**kwargs)


# --- RNNEncoder ------------------------------------------------------------------------------


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


def test_rnn_expression_without_a_word():
    with pytest.raises(RefDataError, match=r"expressions\[1\] has no word: '\?!'"):
        rnn()(['red', '?!'])


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
