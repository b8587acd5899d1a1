"""CLIPTextEncoder: tokens, features, pre-trained weights, what is trained, and every error."""

import json

import pytest
import torch
from tiny_text_encoders import LONG, SHORT, Parent
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from mmrefseg.models.text_encoders import CLIPTextEncoder, transformer_text_encoder
from mmrefseg.models.text_encoders.clip_tokenizer import clip_tokenizer
from mmrefseg.registry import MODELS

MERGES = ['r e', 're d</w>', 't h', 'th e</w>', 'c i', 'l e</w>', 'o f</w>']
TINY = dict(hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32)


def clip(**kwargs):
    torch.manual_seed(0)
    return CLIPTextEncoder(**{**dict(pretrained=None, config=TINY, tokenizer=MERGES), **kwargs})


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """CLIP as the hub has it: both towers in half precision, vocab.json and merges.txt."""
    path = tmp_path_factory.mktemp('tiny_clip')
    tokenizer = clip_tokenizer(MERGES)
    (path / 'vocab.json').write_text(json.dumps(tokenizer.get_vocab()))
    (path / 'merges.txt').write_text('\n'.join(['#version: 0.2', *MERGES]) + '\n')
    CLIPTokenizer.from_pretrained(path).save_pretrained(path)
    torch.manual_seed(7)
    config = CLIPConfig(
        text_config=dict(TINY, vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id,
                         bos_token_id=tokenizer.bos_token_id),
        vision_config=dict(TINY, image_size=32, patch_size=16), projection_dim=8)
    CLIPModel(config).half().save_pretrained(path)
    return path


def test_tokens_are_those_of_transformers(folder):
    theirs = CLIPTokenizer.from_pretrained(folder)
    texts = ['Red  CIRCLE!', "the man's 2nd tie", 'café \u2019 re', '<|endoftext|> red', '  of\tthe ', SHORT, LONG]
    tokenizer = clip_tokenizer(MERGES)
    assert [tokenizer(text).input_ids for text in texts] == [theirs(text).input_ids for text in texts]
    ids = tokenizer('red').input_ids
    assert tokenizer.convert_ids_to_tokens(ids) == ['<|startoftext|>', 'red</w>', '<|endoftext|>']
    assert len(tokenizer) == 512 + len(MERGES) + 2


def test_a_long_expression_keeps_its_end():
    encoder = clip(max_length=6)
    ids, mask = encoder.tokenize(['red', 'the red red red red red'])
    start, end, red, the = encoder.tokenizer.convert_tokens_to_ids(
        ['<|startoftext|>', '<|endoftext|>', 'red</w>', 'the</w>'])
    assert ids.tolist() == [[start, red, end, end, end, end], [start, the, red, red, red, end]]
    assert mask.sum(dim=1).tolist() == [3, 6]


def test_agrees_with_transformers(folder):
    encoder = CLIPTextEncoder(pretrained=str(folder), max_length=77).eval()
    encoder.init_weights()
    inputs = CLIPTokenizer.from_pretrained(folder)([SHORT, LONG], padding=True, return_tensors='pt')
    with torch.no_grad():
        expected = CLIPModel.from_pretrained(folder).float().text_model(**inputs)
        text = encoder([SHORT, LONG])
    mask = inputs['attention_mask'].bool()
    assert torch.equal(text.mask, mask) and not text.words[~mask].any()
    torch.testing.assert_close(text.words[mask], expected.last_hidden_state[mask], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(text.sentence, expected.pooler_output, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('sentence', ['eos', 'mean'])
def test_padding_changes_nothing(sentence):
    encoder = clip(sentence=sentence, max_length=60).eval()
    with torch.no_grad():
        both, alone = encoder([SHORT, LONG]), encoder([SHORT])
    length = alone.words.shape[1]
    torch.testing.assert_close(both.words[0, :length], alone.words[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(both.sentence[0], alone.sentence[0], atol=1e-5, rtol=1e-5)
    mean = alone.words.mean(dim=1)
    assert torch.allclose(alone.sentence, mean) == (sentence == 'mean')
    assert torch.allclose(alone.sentence, alone.words[:, -1]) == (sentence == 'eos')


@pytest.mark.parametrize('layers,expected', [
    (None, {'embeddings', 'final_layer_norm', '0', '1', '2'}), (2, {'0', '1'}), (0, set())])
@pytest.mark.parametrize('with_cp', [False, True])
def test_what_trains(layers, expected, with_cp):
    encoder = clip(trainable_layers=layers, with_cp=with_cp).train()
    text = encoder([SHORT, LONG])
    if expected:
        (text.words.square().sum() + text.sentence.sum()).backward()
    trained = set()
    for name, value in encoder.named_parameters():
        part = name.split('.')[3] if '.layers.' in name else name.split('.')[1]
        assert (value.grad is not None) == value.requires_grad == (part in expected)
        if value.grad is not None:
            trained.add(part)
    assert trained == expected


def test_weights_load_in_init_weights(folder, monkeypatch):
    lines = []
    monkeypatch.setattr(transformer_text_encoder, 'print_log', lambda line, **kwargs: lines.append(line))
    source = CLIPModel.from_pretrained(folder).float().text_model.state_dict()
    parent = Parent(CLIPTextEncoder(pretrained=str(folder)))
    weights = parent.text_encoder.model.state_dict()
    assert weights.keys() == source.keys() and not torch.equal(
        weights['final_layer_norm.weight'] + weights['embeddings.token_embedding.weight'][0],
        source['final_layer_norm.weight'] + source['embeddings.token_embedding.weight'][0])
    parent.init_weights()
    weights = parent.text_encoder.model.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in source.items())
    assert lines == [f'CLIPTextEncoder: {len(source)} weights from {folder}.']
    with torch.no_grad():
        parent.text_encoder.model.final_layer_norm.weight.fill_(0.25)
    parent.init_weights()  # a second time changes nothing
    assert (parent.text_encoder.model.final_layer_norm.weight == 0.25).all()


def test_needs_no_hub_for_inference(tmp_path):
    encoder = clip(pretrained='no/such-model', config=dict(TINY, model_type='clip_text_model'), local_files_only=True)
    assert encoder([SHORT]).words.shape[2] == encoder.out_channels == 16
    with pytest.raises(OSError, match='text_encoder.pretrained.*no/such-model.*--local-dir'):
        encoder.init_weights()
    state = {name: torch.full_like(value, 0.5) for name, value in encoder.state_dict().items()}
    torch.save(dict(state_dict=state), tmp_path / 'full.pth')
    encoder = clip(pretrained='no/such-model', config=dict(TINY, model_type='clip_text_model'),
                   init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'full.pth')))
    encoder.init_weights()
    assert all((value == 0.5).all() for value in encoder.parameters())


def test_config_changes_single_values(folder):
    encoder = CLIPTextEncoder(pretrained=str(folder), config=dict(attention_dropout=0.3))
    assert encoder.model.config.attention_dropout == 0.3 and encoder.out_channels == 16


def test_builds_from_an_mmengine_config(folder):
    from mmengine.config import Config
    config = Config(dict(model=dict(type='CLIPTextEncoder', pretrained=str(folder), max_length=9)))
    assert MODELS.build(config.model)([LONG]).words.shape == (1, 9, 16)


def test_weights_of_another_tower(folder):
    encoder = CLIPTextEncoder(pretrained=str(folder), config=dict(num_hidden_layers=4))
    with pytest.raises(ValueError, match='lacks 16 of the 68 weights of the CLIPTextModel.*encoder.layers.3'):
        encoder.init_weights()


@pytest.mark.parametrize('options,error,message', [
    (dict(sentence='cls'), ValueError, "sentence must be 'eos' or 'mean', found 'cls'"),
    (dict(tokenizer=None), ValueError, 'pretrained is None: then .*tokenizer must be given'),
    (dict(config=None), ValueError, 'pretrained is None: then text_encoder.config'),
    (dict(config=dict(model_type='bert')), ValueError, "model_type is 'bert', expected 'clip_text_model'"),
    (dict(config=dict(TINY, vocab_size=5)), ValueError, '521 ids, the model only 5 embeddings'),
    (dict(max_length=78), ValueError, 'max_length is 78, but the model has only 77 positions'),
    (dict(max_length=2), ValueError, 'expected 3 or more'),
    (dict(trainable_layers=4), ValueError, 'layers 0 to 2'),
    (dict(tokenizer=['r e', 'xy z']), ValueError, "merge 2: expected two known pieces such as 'r e', found 'xy z'"),
    (dict(tokenizer=['r e d']), ValueError, 'merge 1'),
    (dict(tokenizer=[3]), TypeError, 'merge 1'),
    (dict(tokenizer='no/such-tokenizer', local_files_only=True), OSError,
     "text_encoder.tokenizer='no/such-tokenizer' cannot be read"),
    (dict(pretrained='./no_such_folder', tokenizer=MERGES, config=dict(attention_dropout=0.)), OSError,
     "text_encoder.pretrained='./no_such_folder' cannot be read"),
])
def test_errors(options, error, message):
    with pytest.raises(error, match=message):
        clip(**options)
