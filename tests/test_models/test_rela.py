"""ReLA: the neck, the regions, their three answers and losses, and existence that comes of the decode head."""

import copy

import pytest
import torch
import torch.nn.functional as F
from fusion_inputs import make_text, pad_more
from literal_deformable import literal as deformable
from mixing_parts import BACKBONES, TEXT_WIDTH, TEXTS, WIDTHS, build, step
from mmengine.structures import PixelData
from plain_rela import plain_rela

from mmrefseg.evaluation import GRefMetric
from mmrefseg.export import SegmentorGraph, trace
from mmrefseg.export.parity import CASES, differences
from mmrefseg.models import DeformableNeck, ImageFusion, ReLAHead
from mmrefseg.structures import MultiModalFeatures, RefDataSample, TextFeatures

NORM = dict(type='GN', num_groups=2)
NECK = dict(
    type='DeformableNeck', in_channels=WIDTHS, channels=8, num_layers=2, feedforward_channels=12, num_heads=2,
    num_points=2, norm_cfg=NORM)
HEAD = dict(
    type='ReLAHead', in_channels=8, map_channels=[8] * 4, text_channels=TEXT_WIDTH, channels=8, num_queries=9,
    num_layers=4, num_heads=2, feedforward_channels=12)
MODEL = dict(
    backbone=BACKBONES['LAVTSwin'], text_encoder=dict(TEXTS['BERT'], max_length=8), neck=NECK,
    decoder=dict(type='MaskFeatureDecoder', in_channels=[8] * 4, norm_cfg=NORM), decode_head=HEAD)


def without_type(config):
    return {key: value for key, value in config.items() if key != 'type'}


def stir(part):
    with torch.no_grad():
        for name, value in part.named_parameters():
            value.normal_(1. if value.ndim == 1 and not name.endswith('bias') else 0., 0.3)
    return part.eval().double()


def make_head(**options):
    torch.manual_seed(0)
    return stir(ReLAHead(**{**without_type(HEAD), **options}))


def make_features(width=8):
    torch.manual_seed(1)
    decoded = torch.randn(3, 8, 12, 16).double()
    maps = [torch.randn(3, width, 12 >> level, 16 >> level).double() for level in range(4)]
    text = make_text([3, 5, 1], TEXT_WIDTH)
    return decoded, MultiModalFeatures(
        tuple(maps), TextFeatures(text.words.double(), text.mask, text.sentence.double()))


@pytest.mark.parametrize('mask_words,width', [(True, 8), (False, 8), (True, 6)])
def test_regions_equal_the_literal_form(mask_words, width):
    head = make_head(mask_words=mask_words, map_channels=[width] * 4)
    decoded, features = make_features(width)
    answers = head.answers(decoded, features)
    for row in range(3):
        words = features.text.words[row]
        logits, minimap, no_target = plain_rela(
            head, decoded[row], [level[row] for level in features.maps],
            words[features.text.mask[row]] if mask_words else words)
        torch.testing.assert_close(answers.logits[row], logits, atol=1e-7, rtol=1e-6)
        torch.testing.assert_close(answers.minimap[row], minimap, atol=1e-7, rtol=1e-6)
        torch.testing.assert_close(answers.no_target[row], no_target, atol=1e-7, rtol=1e-6)
        exists = no_target.softmax(0)[0]
        torch.testing.assert_close(answers.existence[row].sigmoid(), exists, atol=1e-7, rtol=1e-6)


def test_padding_changes_nothing_where_words_are_masked():
    head = make_head()
    decoded, features = make_features()
    padded = MultiModalFeatures(features.maps, pad_more(features.text))
    torch.testing.assert_close(head(decoded, features), head(decoded, padded), atol=1e-10, rtol=1e-9)
    seen = make_head(mask_words=False)
    assert not torch.allclose(seen(decoded, features), seen(decoded, padded))  # as published: its length is fixed


def test_a_region_that_is_nowhere_looks_everywhere():
    head = make_head()
    decoded, features = make_features()
    inside = head._inside(head.regions.weight.expand(3, -1, -1), decoded.flatten(2))
    assert inside.any(dim=2).all()
    with torch.no_grad():
        head.embed[-1].weight.zero_()
        head.embed[-1].bias.fill_(-1.)
        assert head._inside(head.regions.weight.expand(3, -1, -1), decoded.abs().flatten(2)).all()
        head.embed[-1].bias.fill_(1.)
    assert head(decoded, features).isfinite().all()


def test_losses_are_the_literal_ones():
    head = make_head().float()
    decoded, features = make_features()
    decoded = decoded.float()
    features = MultiModalFeatures(
        tuple(level.float() for level in features.maps),
        TextFeatures(features.text.words.float(), features.text.mask, features.text.sentence.float()))
    target = torch.zeros(3, 24, 32, dtype=torch.long)
    target[0, 4:20, 6:30] = 1
    target[1, :3] = 255  # nothing but pixels to be ignored: no target
    answers, losses = head.answers(decoded, features), head.loss(decoded, features, target)
    weight = torch.tensor([0.9, 1.1])
    logits = F.interpolate(answers.logits, target.shape[1:], mode='bilinear', align_corners=False)
    torch.testing.assert_close(
        losses['loss_ce'], 5 * F.cross_entropy(logits, target, weight, ignore_index=255))
    cells = F.interpolate((target == 1).float()[:, None], (3, 3), mode='bilinear', align_corners=False).long()
    assert 0 < cells.sum() < 9
    torch.testing.assert_close(
        losses['loss_minimap'], 0.5 * F.cross_entropy(answers.minimap.transpose(1, 2), cells.flatten(1), weight))
    empty = torch.tensor([0, 1, 1])
    torch.testing.assert_close(losses['loss_existence'], 0.5 * F.cross_entropy(answers.no_target, empty, weight))
    right = (answers.no_target.argmax(1) == empty).float().mean()
    torch.testing.assert_close(losses['acc_existence'], 100 * right)


def test_the_neck_equals_the_literal_form():
    torch.manual_seed(0)
    neck = stir(DeformableNeck(**without_type(NECK)))
    maps = [torch.randn(2, width, 8 >> level, 8 >> level).double() for level, width in enumerate(WIDTHS)]
    ours = neck(maps)
    finest, sequence = neck.levels(maps)
    pixels = sequence.pixels
    for layer in neck.layers:
        around = deformable(layer.attention, pixels, sequence.positions, sequence.places, sequence.sizes)
        pixels = layer.norms[0](pixels + around)
        pixels = layer.norms[1](pixels + layer.feed_forward(pixels))
    expected = [finest, *sequence.with_pixels(pixels).maps()[::-1]]
    assert len(ours) == 4
    for own, other in zip(ours, expected):
        torch.testing.assert_close(own, other, atol=1e-7, rtol=1e-6)


def test_image_fusion_runs_its_neck_once_an_image():
    torch.manual_seed(0)
    fusion = stir(ImageFusion(WIDTHS, neck=NECK, channels=8))
    maps = [torch.randn(2, width, 8 >> level, 8 >> level).double() for level, width in enumerate(WIDTHS)]
    rows, run = [], fusion.neck.forward
    fusion.neck.forward = lambda levels: rows.append(len(levels[0])) or run(levels)
    fused = fusion(maps, make_text([2, 1, 3], TEXT_WIDTH), torch.tensor([0, 0, 1])).maps
    assert rows == [2] and [level.shape[:2] for level in fused] == [(3, 8)] * 4
    torch.testing.assert_close(fused[3][0], fused[3][1])
    with pytest.raises(ValueError, match='expected both or none'):
        ImageFusion(WIDTHS, channels=8)


def sample(texts, masks=None):
    made = RefDataSample(metainfo=dict(expressions=texts, img_shape=(64, 64), ori_shape=(64, 64)))
    if masks is not None:
        made.gt_sem_seg = PixelData(data=masks)
    return made


@pytest.mark.parametrize('backbone', ['LAVTSwin', 'Swin'])
def test_a_model_trains_and_says_whether_there_is_an_object(backbone):
    model = copy.deepcopy(MODEL)
    if backbone == 'Swin':  # knows no word: the regions alone read them
        model.update(backbone=BACKBONES['Swin'], neck=None,
                     fusion=dict(type='ImageFusion', in_channels=WIDTHS, neck=NECK, channels=8))
    model = build(model)
    torch.nn.init.normal_(model.decode_head.layers[0].language.project.weight)  # zero at the start: hears no word
    step(model)
    assert [name for name, value in model.named_parameters() if value.requires_grad and value.grad is None] == []
    model.eval()
    images, texts = torch.randn(1, 3, 64, 64), ['the red tie', 'dog', 'man left']
    with torch.no_grad():
        together, = model(images, [sample(texts)], mode='predict')
        alone = [model(images, [sample([text])], mode='predict')[0] for text in texts]
        for row, own in enumerate(alone):
            torch.testing.assert_close(together.pred_existence[row], own.pred_existence[0], atol=1e-5, rtol=1e-4)
            assert (together.pred_sem_seg.data[row] == own.pred_sem_seg.data[0]).float().mean() > 0.999
        none = model.decode_head.no_target[-1]
        for bias, exists in (([0., 9.], False), ([9., 0.], True)):
            none.bias.copy_(torch.tensor(bias))
            said, = model(images, [sample(texts, torch.zeros(3, 64, 64, dtype=torch.uint8))], mode='predict')
            assert (said.pred_existence > 0.5).all() == exists
            if not exists:
                assert not said.pred_sem_seg.data.any()
            # The metric reads it as it reads an existence head's.
            said.set_metainfo(dict(no_targets=[True] * 3))
            metric = GRefMetric(existence_threshold=0.5)
            metric.process({}, [said.to_dict()])
            assert metric.evaluate(1)['N-acc'] == 100 * (not exists)


@pytest.mark.parametrize('change,message', [
    (dict(existence_head=dict(type='ExistenceHead', in_channels=8, text_channels=TEXT_WIDTH)),
     'ReLAHead says itself whether there is an object, and so does model.existence_head ExistenceHead'),
    (dict(decode_head=dict(HEAD, mask_words=False)),
     'ReLAHead reads padded words, so every expression needs as many: model.text_encoder BERTEncoder needs '
     'fixed_length=True'),
    (dict(decode_head=dict(HEAD, num_queries=10)), 'num_queries is 10, expected a square'),
    (dict(decode_head=dict(HEAD, num_classes=1)), 'num_classes is 1, expected 2'),
    (dict(decode_head=dict(HEAD, num_levels=5)), 'fewer than num_levels 5'),
    (dict(backbone=BACKBONES['Swin'], fusion=dict(type='ImageFusion', in_channels=WIDTHS),
          decode_head=dict(type='MaskHead', in_channels=8)),
     'MaskFeatureDecoder reads maps alone, but .* gives maps of the picture alone: the expression is nowhere'),
])
def test_parts_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        build(dict(MODEL, **change))


def test_words_of_a_fixed_length():
    model = build(dict(MODEL, text_encoder=dict(MODEL['text_encoder'], fixed_length=True),
                       decode_head=dict(HEAD, mask_words=False))).eval()
    text = model.text_encoder(['dog', 'the red tie'])
    assert text.words.shape[1] == 8 and text.mask.sum(1).tolist() == [3, 5]
    assert text.words[0, 3:].any()  # as the model makes them
    alone = model.text_encoder(['dog'])
    torch.testing.assert_close(alone.words[0], text.words[0], atol=1e-5, rtol=1e-4)


@pytest.mark.slow
def test_goes_through_torch_export():
    graph = SegmentorGraph(build(MODEL), (64, 64))
    assert graph.output_names == ['logits', 'existence']
    found = differences(graph, trace(graph.model, graph.input_size).module())
    assert len(found) == len(CASES) and all(case.within(1e-4) for case in found), found
