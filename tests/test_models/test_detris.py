"""DETRIS' parts equal its formulas; the tower is transformers' own and stays frozen; grouped = one by one."""

from copy import deepcopy

import plain_cris as plain
import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper
from tiny_text_encoders import WORDS

from mmrefseg.models import (
    AlignedDINOv2,
    CLIPTextEncoder,
    DenseAligner,
    DenseConvolutions,
    DETRISFusion,
    RefSegmentor,
    TextAdapter,
)
from mmrefseg.models.utils import freeze
from mmrefseg.structures import TextFeatures

CLOSE = dict(atol=2e-5, rtol=2e-5)
TOWER = dict(image_size=28, patch_size=7, hidden_size=16, num_hidden_layers=4, num_attention_heads=2, mlp_ratio=2)
CLIP = dict(hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32, projection_dim=12)
SAID = ['red circle', 'the red square left of the blue circle', 'man']


def tower(**kwargs):
    torch.manual_seed(0)
    options = dict(adapter_blocks=[1, 3], adapter_channels=16, text_channels=16, out_blocks=(0, 2), config=TOWER,
                   adapter_cfg=dict(attention_channels=8, num_heads=2))
    return AlignedDINOv2(**{**options, **kwargs})


def clip(**kwargs):
    torch.manual_seed(0)
    options = dict(pretrained=None, config=CLIP, tokenizer=['r e', 're d</w>'], max_length=12, fixed_length=True,
                   project_sentence=True, trainable_layers=0, adapters=dict(layers=[0, 2], channels=16))
    return CLIPTextEncoder(**{**options, **kwargs})


def words(channels=16):
    torch.manual_seed(4)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    return TextFeatures(torch.randn(2, 5, channels), mask, torch.randn(2, channels))


def test_the_adapters_are_the_literal_ones():
    torch.manual_seed(0)
    aligner = plain.randomize(DenseAligner(12, 16, 16, attention_channels=8, num_heads=2))
    tokens, said = torch.randn(2, 3 + 12, 12), words()
    with torch.no_grad():
        for padding in (None, ~said.mask):
            found = aligner.with_words(*aligner.before_words(tokens, (3, 4)), said.words, padding)
            torch.testing.assert_close(found, plain.aligner(aligner, tokens, said.words, 3, (3, 4), padding), **CLOSE)
        adapter = plain.randomize(TextAdapter(16, 32))
        torch.testing.assert_close(adapter(said.words), plain.text_adapter(adapter, said.words), **CLOSE)


def test_a_width_of_the_adapters():
    with pytest.raises(ValueError, match='an adapter of 24 channels: expected a multiple of 16'):
        DenseConvolutions(24)


def test_the_neck_is_the_literal_one():
    torch.manual_seed(0)
    neck = plain.randomize(DETRISFusion([6, 8], 16, channels=8))
    maps = [torch.randn(2, 6, 3, 4), torch.randn(2, 8, 3, 4)]
    with torch.no_grad():
        found, = neck(maps, words()).maps
        torch.testing.assert_close(found, plain.detris_neck(neck, maps, words().sentence), **CLOSE)
        maps = [F.interpolate(maps[0], scale_factor=2), maps[1]]  # a finer one is averaged over its cells
        torch.testing.assert_close(neck(maps, words()).maps[0], found, **CLOSE)


def test_without_adapters_the_tower_is_that_of_transformers():
    model = tower(adapter_scale=0.).eval()
    images = torch.randn(2, 3, 28, 28)
    with torch.no_grad():
        maps = model(images, words())
        theirs = model.model(images, output_hidden_states=True)
    taps = [theirs.hidden_states[1], theirs.hidden_states[3], theirs.last_hidden_state]
    for found, expected in zip(maps, taps):
        torch.testing.assert_close(found.flatten(2).transpose(1, 2), expected[:, 5:], **CLOSE)
    assert model.gives.maps == (16, 16, 16)


@pytest.mark.parametrize('mask_padding', [True, False])
def test_a_block_with_an_adapter(mask_padding):
    model = plain.randomize(tower(adapter_blocks=[3], mask_padding=mask_padding))
    images, said = torch.randn(2, 3, 21, 28), words()
    with torch.no_grad():
        found = model(images, said)[-1].flatten(2).transpose(1, 2)
        (tokens, from_mlp, *_), _, size = model.forward_image(images)
        block = model.model.encoder.layer[3]
        adapted = plain.aligner(model.adapters['3'], block.norm2(tokens), said.words, 5, size,
                                ~said.mask if mask_padding else None)
        tokens = tokens + block.layer_scale2(from_mlp + 0.2 * adapted)
        torch.testing.assert_close(found, model.model.layernorm(tokens)[:, 5:], **CLOSE)


def test_positions_are_resized_as_by_dinov2():
    model = tower(position_offset=0.1)
    positions = model.model.embeddings.position_embeddings[:, 1:]
    grid = positions.reshape(1, 4, 4, 16).permute(0, 3, 1, 2)
    expected = F.interpolate(grid, scale_factor=(3.1 / 4, 6.1 / 4), mode='bicubic')
    assert expected.shape[2:] == (3, 6)
    torch.testing.assert_close(model._patch_positions(positions, (3, 6)), expected.flatten(2).transpose(1, 2))
    assert torch.equal(model._patch_positions(positions, (4, 4)), positions)


def test_padding_that_is_masked_changes_nothing():
    model = plain.randomize(tower())
    images, said = torch.randn(2, 3, 28, 28), words()
    longer = TextFeatures(F.pad(said.words, (0, 0, 0, 2), value=3.),
                          F.pad(said.mask, (0, 2)), said.sentence)
    with torch.no_grad():
        for found, expected in zip(model(images, longer), model(images, said)):
            torch.testing.assert_close(found, expected, **CLOSE)


@pytest.mark.parametrize('options,message', [
    (dict(adapter_blocks=[]), 'backbone.adapter_blocks is empty'),
    (dict(adapter_blocks=[3, 1]), r'backbone.adapter_blocks is \[3, 1\], expected numbers of blocks from 0 to 3'),
    (dict(out_blocks=(4, )), r'backbone.out_blocks is \[4\]'),
    (dict(config=None), 'backbone.pretrained is None: then backbone.config must be given'),
    (dict(config=dict(model_type='dinov2')), "model_type is 'dinov2', expected 'dinov2_with_registers'"),
    (dict(pyramid=[4, 8, 16, 32]), r'backbone.pyramid is \[4, 8, 16, 32\], four widths for four maps')])
def test_options_of_the_tower(options, message):
    with pytest.raises(ValueError, match=message):
        tower(**options)


def test_a_size_that_is_no_multiple_of_the_patches():
    with pytest.raises(ValueError, match=r'patches of 7 pixels, found a picture of \(28, 30\)'):
        tower().forward_image(torch.zeros(1, 3, 28, 30))


def test_a_pyramid():
    model = tower(out_blocks=(0, 1, 2), pyramid=[4, 8, 16, 32]).eval()
    maps = model(torch.randn(2, 3, 28, 28), words())
    assert [tuple(level.shape[1:]) for level in maps] == [(4, 16, 16), (8, 8, 8), (16, 4, 4), (32, 2, 2)]


def literal_clip(encoder, ids):
    """CLIP's text tower with adapters, over the ids (N, L)."""
    model = encoder.model
    words = model.embeddings.token_embedding(ids) + model.embeddings.position_embedding.weight[:ids.shape[1]]
    future = torch.ones(ids.shape[1], ids.shape[1]).triu(1).bool()
    for number, layer in enumerate(model.encoder.layers):
        normed, attention = layer.layer_norm1(words), layer.self_attn
        width = words.shape[2] // 2
        gathered = []
        for head in range(2):
            part = slice(head * width, (head + 1) * width)
            query, key, value = (project(normed)[..., part]
                                 for project in (attention.q_proj, attention.k_proj, attention.v_proj))
            scores = (query @ key.transpose(1, 2) / width**0.5).masked_fill(future, float('-inf'))
            gathered.append(scores.softmax(2) @ value)
        words = words + attention.out_proj(torch.cat(gathered, 2))
        inner = layer.mlp.fc1(layer.layer_norm2(words))
        change = layer.mlp.fc2(inner * (1.702 * inner).sigmoid())
        if number in (0, 2):
            change = change + 0.2 * plain.text_adapter(encoder.adapters[str(number)], words)
        words = words + change
    return model.final_layer_norm(words)


def test_the_text_tower_is_the_literal_one():
    encoder = plain.randomize(clip())
    ids, mask = encoder.tokenize(SAID[:1] * 2 + ['red'])
    with torch.no_grad():
        found = encoder.encode(ids, mask)
        filled = torch.zeros(3, 12, dtype=torch.long)
        filled[:, :ids.shape[1]] = ids.masked_fill(~mask, 0)
        expected = literal_clip(encoder, filled)
        torch.testing.assert_close(found.words, expected, **CLOSE)
        ends = expected[torch.arange(3), mask.sum(1) - 1]
        torch.testing.assert_close(found.sentence, ends @ encoder.text_projection.weight.t(), **CLOSE)
    assert found.mask.shape == (3, 12) and found.mask.sum(1).tolist() == mask.sum(1).tolist()
    assert (encoder.out_channels, encoder.sentence_channels) == (16, 12)


def test_other_expressions_change_nothing():
    encoder = plain.randomize(clip())
    with torch.no_grad():
        both, alone = encoder(SAID), encoder(SAID[2:])
    torch.testing.assert_close(both.words[2:], alone.words, **CLOSE)


@pytest.mark.parametrize('options,message', [
    (dict(fixed_length=False), 'text_encoder.fixed_length must be True'),
    (dict(adapters=dict(layers=[3], channels=16)), r'text_encoder.adapters.layers is \[3\], expected numbers'),
    (dict(adapters=dict(layers=[1], width=16)), r"text_encoder.adapters has the keys \['layers', 'width'\]")])
def test_options_of_the_text_adapters(options, message):
    with pytest.raises(ValueError, match=message):
        clip(**options)


def model(**kwargs):
    torch.manual_seed(0)
    parts = dict(
        text_encoder=dict(type='CLIPTextEncoder', pretrained=None, config=CLIP, tokenizer=['r e', 're d</w>'],
                          max_length=12, fixed_length=True, project_sentence=True, trainable_layers=0,
                          adapters=dict(layers=[0, 2], channels=16)),
        backbone=dict(type='AlignedDINOv2', adapter_blocks=[1, 3], adapter_channels=16, text_channels=16,
                      out_blocks=(0, 2), config=TOWER, mask_padding=False,
                      adapter_cfg=dict(attention_channels=8, num_heads=2)),
        fusion=dict(type='DETRISFusion', in_channels=[16, 16, 16], text_channels=12, channels=8),
        decoder=dict(type='CRISDecoder', in_channels=8, text_channels=16, num_layers=1, num_heads=2,
                     feedforward_channels=8, upsample_channels=[8, 4]),
        decode_head=dict(type='DynamicKernelHead', in_channels=4, text_channels=12))
    return RefSegmentor(**{**parts, **kwargs})


def test_grouped_is_one_by_one():
    segmentor = plain.randomize(model())
    images = torch.randn(2, 3, 28, 28)
    with torch.no_grad():
        said = segmentor.text_encoder(SAID)
        grouped = segmentor.run_rows(segmentor.encode_image(images), said, torch.tensor([0, 0, 1])).logits
        for row, image in enumerate((0, 0, 1)):
            alone = segmentor.run_rows(segmentor.encode_image(images[image:image + 1]),
                                       segmentor.text_encoder(SAID[row:row + 1]), None).logits
            torch.testing.assert_close(alone[0], grouped[row], **CLOSE)


@pytest.mark.parametrize('with_cp', [False, True])
def test_exactly_the_adapters_and_what_follows_train(with_cp):
    segmentor = model(with_cp=with_cp).train()
    towers = (segmentor.backbone.model, segmentor.text_encoder.model)
    logits = segmentor.run_rows(segmentor.encode_image(torch.randn(2, 3, 28, 28)), segmentor.text_encoder(SAID[:2]),
                                None).logits
    logits.square().sum().backward()
    for name, value in segmentor.named_parameters():
        frozen = name.startswith(('backbone.model.', 'text_encoder.model.', 'text_encoder.text_projection'))
        assert (value.grad is None) == frozen == (not value.requires_grad), name
    assert not any(module.training for tower in towers for module in tower.modules())
    assert segmentor.backbone.adapters['1'].training
    optimizer = build_optim_wrapper(segmentor, dict(optimizer=dict(type='Adam', lr=1e-4))).optimizer
    held = {id(value) for group in optimizer.param_groups for value in group['params'] if value.requires_grad}
    assert held == {id(value) for value in segmentor.parameters() if value.requires_grad}


def test_frozen_stays_frozen_in_a_copy():
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.5))
    freeze(module)
    for tower in (module, deepcopy(module)):
        tower.train()
        assert not tower.training and not tower[1].training and not tower[0].weight.requires_grad


def test_padding_that_takes_part_needs_one_length():
    with pytest.raises(ValueError, match='AlignedDINOv2 reads padded words, so every expression needs as many'):
        model(text_encoder=dict(type='RNNEncoder', vocab=WORDS, embed_dims=6, hidden_dims=8))


def test_a_sentence_of_another_width_is_refused():
    with pytest.raises(ValueError, match='model.fusion DETRISFusion takes a sentence of 16 channels, but '
                                         'model.text_encoder CLIPTextEncoder gives one of 12 channels'):
        model(fusion=dict(type='DETRISFusion', in_channels=[16, 16, 16], text_channels=16, channels=8))
