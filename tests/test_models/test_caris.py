"""CARIS: words that see the image, its pixel decoder and its classifiers."""

import copy

import pytest
import torch
from fusion_inputs import assert_grouped_equals_single, make_text, pad_more
from mixing_parts import BACKBONES, TEXT_WIDTH, TEXTS, WIDTHS, WORDS, build, step
from plain_caris import plain_caris
from tiny_text_encoders import TINY

from mmrefseg.export import SegmentorGraph, trace
from mmrefseg.export.parity import CASES, differences
from mmrefseg.models import CARISFusion, DynamicClassifierHead, MaskFeatureDecoder, PromptedBERTEncoder
from mmrefseg.structures import MultiModalFeatures, RefDataSample, TextFeatures

NORM = dict(type='GN', num_groups=2)
FUSION = dict(
    type='CARISFusion', in_channels=WIDTHS, text_channels=TEXT_WIDTH, channels=8, num_layers=2, num_prompts=3,
    attention_channels=16, feedforward_channels=12, num_heads=2, num_points=2, norm_cfg=NORM)
PROMPTED = dict(TEXTS['BERT'], type='PromptedBERTEncoder', image_channels=64, max_length=8)
MODEL = dict(
    backbone=BACKBONES['Swin'], text_encoder=PROMPTED, fusion=FUSION,
    decoder=dict(type='MaskFeatureDecoder', in_channels=[8] * 4, num_convs=3, norm_cfg=NORM),
    decode_head=dict(type='DynamicClassifierHead', in_channels=8))


def without_type(config):
    return {key: value for key, value in config.items() if key != 'type'}


def make_parts():
    torch.manual_seed(0)
    parts = [CARISFusion(**without_type(FUSION)), MaskFeatureDecoder(**without_type(MODEL['decoder'])),
             DynamicClassifierHead(in_channels=8)]
    with torch.no_grad():
        for part in parts:
            for name, value in part.named_parameters():  # nothing stays at a default that hides a mistake
                value.normal_(1. if value.ndim == 1 and not name.endswith('bias') else 0., 0.3)
    return [part.eval().double() for part in parts]


def make_inputs():
    torch.manual_seed(1)
    maps = [torch.randn(2, width, 12 >> level, 16 >> level).double() for level, width in enumerate(WIDTHS)]
    text = make_text([3, 5, 1], TEXT_WIDTH)
    return maps, TextFeatures(text.words.double(), text.mask, text.sentence.double()), torch.tensor([0, 0, 1])


def test_equals_the_literal_form():
    fusion, decoder, head = make_parts()
    maps, text, image_index = make_inputs()
    features = fusion(maps, text, image_index)
    logits = head(decoder(features), features)
    for row, image in enumerate(image_index):
        expected = plain_caris(fusion, decoder, head, [level[image:image + 1] for level in maps], text.words[row],
                               text.mask[row])
        torch.testing.assert_close(logits[row], expected, atol=1e-7, rtol=1e-7)  # places are single precision


def test_grouped_is_one_by_one_and_padding_changes_nothing():
    fusion, _, _ = make_parts()
    maps, text, image_index = make_inputs()
    assert_grouped_equals_single(fusion, maps, text, image_index)
    features, padded = fusion(maps, text, image_index), fusion(maps, pad_more(text), image_index)
    for level, other in zip((*features.maps, features.queries), (*padded.maps, padded.queries)):
        torch.testing.assert_close(level, other, atol=1e-10, rtol=1e-9)


def test_what_depends_on_the_image_alone_is_computed_once_an_image(monkeypatch):
    fusion, _, _ = make_parts()
    maps, text, image_index = make_inputs()
    rows = []
    monkeypatch.setattr(fusion.levels.finest, 'forward', lambda level: rows.append(len(level)) or level[:, :1])
    fusion(maps, text, image_index)
    assert rows == [2]


def test_the_first_word_speaks_for_the_object():
    fusion, _, _ = make_parts()
    maps, text, image_index = make_inputs()
    queries = fusion(maps, text, image_index).queries
    assert queries.shape == (3, 2, 8) and fusion.gives.num_queries == 2
    changed = copy.deepcopy(text)
    changed.words[0, 2] += 1  # another word of the same sentence: both classifiers hear of it
    assert (fusion(maps, changed, image_index).queries[0] != queries[0]).any(dim=1).all()


class TestPromptedBERT:
    """The text encoder that looks."""

    def make(self, **options):
        torch.manual_seed(0)
        return PromptedBERTEncoder(
            image_channels=6, **{**dict(pretrained=None, config=TINY, tokenizer=WORDS), **options}).eval()

    def look(self, encoder, texts, maps, image_index=None):
        return encoder.forward_text(encoder(texts), encoder.forward_image(maps), image_index)

    def test_equals_the_literal_form(self):
        encoder = self.make()
        maps = [torch.randn(1, 6, 5, 4)]
        text = self.look(encoder, ['the red tie'], maps)
        prompts, cells = encoder.prompts, []
        level = maps[0][0]
        means = [level.mean((1, 2))]
        # A grid of two by two over five rows: the middle one belongs to both halves.
        means += [level[:, rows, columns].mean((1, 2)) for rows in (slice(0, 3), slice(2, 5))
                  for columns in (slice(0, 2), slice(2, 4))]
        for number, mean in enumerate(means):
            first, relu, second = prompts.layers[min(number, 1)]
            cells.append(second(relu(first(mean))) + prompts.prompts.weight[number])
        ids, _ = encoder.tokenize(['the red tie'])
        tokens = torch.cat([encoder.model.embeddings(input_ids=ids)[0], prompts.norm(torch.stack(cells))])[None]
        for layer in encoder.model.encoder.layer:
            tokens = layer(tokens)
            tokens = tokens[0] if isinstance(tokens, tuple) else tokens
        torch.testing.assert_close(text.words, tokens[:, :ids.shape[1]], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(text.sentence, text.words[:, 0])

    def test_padding_and_grouping_change_nothing(self):
        encoder = self.make()
        maps = [torch.randn(2, 6, 4, 4)]
        said, image_index = ['the red tie left man', 'dog', 'dog'], torch.tensor([0, 0, 1])
        together = self.look(encoder, said, maps, image_index)
        assert not together.words[~together.mask].any()
        for row, image in enumerate(image_index):
            alone = self.look(encoder, said[row:row + 1], [maps[0][image:image + 1]])
            real = together.words[row][together.mask[row]]
            torch.testing.assert_close(real, alone.words[0], atol=1e-5, rtol=1e-4)
        assert not torch.allclose(together.sentence[1], together.sentence[2])  # one word, two images

    def test_checkpointing_changes_no_gradient(self):
        gradients = []
        for with_cp in (False, True):
            encoder = self.make(with_cp=with_cp).train()
            encoder.model.eval()  # no dropout
            self.look(encoder, ['the red tie'], [torch.ones(1, 6, 2, 2)]).words.square().sum().backward()
            gradients.append([parameter.grad for parameter in encoder.parameters()])
        for own, other in zip(*gradients):
            assert (own is None) == (other is None)
            if own is not None:
                torch.testing.assert_close(own, other)

    def test_models_of_another_kind_are_refused(self):
        with pytest.raises(ValueError, match='electra has not just embeddings and an encoder'):
            self.make(config=dict(TINY, model_type='electra', embedding_size=8))


def samples():
    said = (['the red tie', 'dog', 'dog'], ['man left the dog'])
    return [RefDataSample(metainfo=dict(expressions=texts, img_shape=(64, 64))) for texts in said]


def test_a_model_trains_and_predicts_grouped_as_alone():
    model = build(MODEL)
    step(model)
    idle = [name for name, value in model.named_parameters() if value.requires_grad and value.grad is None]
    assert idle == []
    model.eval()
    images = torch.randn(2, 3, 64, 64)
    model.test_cfg.keep_logits = True
    model.test_cfg.max_expressions = 2
    with torch.no_grad():
        together = model(images, samples(), mode='predict')
        for image, own in zip(images, together):
            for row, text in enumerate(own.expressions):
                alone = RefDataSample(metainfo=dict(expressions=[text], img_shape=(64, 64)))
                alone, = model(image[None], [alone], mode='predict')
                torch.testing.assert_close(
                    alone.seg_logits.data, own.seg_logits.data[2 * row:2 * row + 2], atol=1e-4, rtol=1e-3)


def test_words_and_prompts_are_made_once(monkeypatch):
    model = build(MODEL).eval()
    rows = []
    encode, look = model.text_encoder.encode, model.text_encoder.forward_image
    monkeypatch.setattr(model.text_encoder, 'encode', lambda ids, mask: rows.append(len(ids)) or encode(ids, mask))
    monkeypatch.setattr(model.text_encoder, 'forward_image', lambda maps: rows.append(len(maps[0])) or look(maps))
    with torch.no_grad():
        model(torch.randn(2, 3, 64, 64), samples(), mode='predict')
    assert rows == [3, 2]  # three strings, two images


@pytest.mark.parametrize('change,message', [
    (dict(backbone=BACKBONES['LAVTSwin']), 'PromptedBERTEncoder looks at the maps of the backbone, but model.backbone '
     'LAVTSwin needs the words to make them'),
    (dict(text_encoder=dict(PROMPTED, image_channels=24)),
     r'looks at a last level of 24 channels \(image_channels\), but model.backbone SwinTransformer gives one of 64'),
    (dict(fusion=dict(type='PWAMFusion', in_channels=WIDTHS, text_channels=TEXT_WIDTH),
          decoder=dict(type='FPNDecoder', in_channels=WIDTHS, channels=8)),
     'DynamicClassifierHead reads queries, but model.fusion PWAMFusion gives none'),
])
def test_parts_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        build(dict(MODEL, **change))


def test_a_head_without_its_queries():
    head = DynamicClassifierHead(in_channels=8)
    text = make_text([2], TEXT_WIDTH)
    for queries, found in ((None, 'none'), (torch.randn(1, 3, 8), '3')):
        with pytest.raises(ValueError, match=f'num_classes is 2, but of queries model.fusion gives {found}'):
            head(torch.randn(1, 8, 4, 4), MultiModalFeatures((), text, queries=queries))
    with pytest.raises(ValueError, match='expected two levels or more of one width'):
        MaskFeatureDecoder([8, 16])


@pytest.mark.slow
def test_goes_through_torch_export():
    model = build(dict(MODEL, backbone=dict(BACKBONES['Swin'], type='StemSwin')))
    graph = SegmentorGraph(model, (64, 64))
    found = differences(graph, trace(graph.model, graph.input_size).module())
    assert len(found) == len(CASES) and all(case.within(1e-4) for case in found), found
