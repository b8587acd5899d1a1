"""BERTEncoder: ids, pre-trained weights, what is trained, and every error."""

import logging
import shutil

import pytest
import torch
from tiny_text_encoders import LONG, SHORT, TINY, WORDS, Parent, bert
from transformers import AutoConfig, AutoModel, AutoTokenizer, BertConfig, BertForMaskedLM

from mmrefseg.models.text_encoders import BERTEncoder, transformer_text_encoder
from mmrefseg.models.text_encoders.wordpiece import wordpiece_tokenizer
from mmrefseg.registry import MODELS


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
    """The lines the encoder prints."""
    lines = []
    monkeypatch.setattr(transformer_text_encoder, 'print_log', lambda line, **kwargs: lines.append(line))
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


@pytest.mark.parametrize('layers,dropout,active', [
    (None, True, 1 + 3 * 3), (1, True, 3), (0, True, 0), (None, False, 0), (1, False, 0)])
def test_what_drops(layers, dropout, active):
    """Layers that train, where they are to; embeddings and frozen layers never."""
    encoder = bert(trainable_layers=layers, dropout=dropout).train()
    drops = [module for module in encoder.modules() if isinstance(module, torch.nn.Dropout)]
    assert sum(module.training for module in drops) == active and encoder.training
    repeats = all(torch.equal(encoder([LONG]).words, encoder([LONG]).words) for _ in range(3))
    assert repeats == (active == 0)
    assert not any(module.training for module in encoder.eval().modules())
    encoder.train()
    assert sum(module.training for module in drops) == active


@pytest.mark.parametrize('kind', ['bert', 'roberta', 'distilbert'])
def test_a_folder_without_vocabulary(tmp_path, kind):
    config = AutoConfig.for_model(kind, vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                                  intermediate_size=32, dim=16, n_layers=1, n_heads=2, hidden_dim=32)
    AutoModel.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(OSError, match='text_encoder.pretrained=.*(no vocabulary|cannot be read)'):
        BERTEncoder(pretrained=str(tmp_path), local_files_only=True)


def test_marks_of_letters_stay_where_the_vocabulary_has_them():
    """Vowel signs of Hindi are marks, which BERT's uncased models drop from Latin letters."""
    words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '\u0932\u0941', 'cafe']
    tokenizer = wordpiece_tokenizer(words)
    assert tokenizer.tokenize('\u0932\u0941') == ['\u0932\u0941']
    assert wordpiece_tokenizer([*words[:4], 'cafe']).tokenize('Caf\u00e9') == ['cafe']
