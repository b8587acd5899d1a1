"""The existence output: its formula, on every head, and what it does to masks."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from mixing_parts import FUSIONS, HEADS, MMSEG_HEADS, TEXT_WIDTH, WIDTHS, build, parts, step
from torch.testing import assert_close

from mmrefseg.engine import use_half_precision
from mmrefseg.models import ExistenceHead
from mmrefseg.structures import MultiModalFeatures, RefDataSample, TextFeatures

# Behind FPNDecoder, whose Y has 8 channels; mmseg's heads have no Y.
ON_DECODER = dict(type='ExistenceHead', in_channels=8, text_channels=TEXT_WIDTH, channels=8)
ON_MAPS = dict(ON_DECODER, in_channels=WIDTHS[-1], from_maps=True)
MODELS = {name: parts('PWAMFusion', head_name=name, existence_head=ON_DECODER) for name in HEADS}
MODELS['LAVTSwin'] = parts(None, 'LAVTDecoder', backbone='LAVTSwin', existence_head=ON_DECODER)
MODELS['FCNHead'] = parts('PWAMFusion', None, decode_head=MMSEG_HEADS['FCNHead'], existence_head=ON_MAPS)


def features_of(count=3, channels=6, text_channels=5, size=(4, 7)):
    torch.manual_seed(0)
    text = TextFeatures(torch.randn(count, 4, text_channels), torch.ones(count, 4, dtype=torch.bool),
                        torch.randn(count, text_channels))
    maps = (torch.randn(count, 2, 8, 9), torch.randn(count, channels, *size))
    return torch.randn(count, channels, *size), MultiModalFeatures(maps, text)


def literal(head, pixels, sentence):
    """Of one expression: pixels (C, h, w), pixel by pixel."""
    query = head.query.weight @ sentence + head.query.bias
    cells = [pixels[:, y, x] for y in range(pixels.shape[1]) for x in range(pixels.shape[2])]
    weights = [math.exp(float(query @ cell) / math.sqrt(len(query))) for cell in cells]
    looked_at = sum(weight * cell for weight, cell in zip(weights, cells)) / sum(weights)
    maximum = torch.stack([max(cell[channel] for cell in cells) for channel in range(len(query))])
    first, _, last = head.classifier
    hidden = (first.weight @ torch.cat([looked_at, maximum, sentence]) + first.bias).clamp(min=0)
    return last.weight @ hidden + last.bias


@pytest.mark.parametrize('from_maps', [False, True])
def test_formula(from_maps):
    decoded, features = features_of()
    head = ExistenceHead(6, 5, channels=4, from_maps=from_maps)
    pixels = features.maps[-1] if from_maps else decoded
    expected = torch.cat([literal(head, *row) for row in zip(pixels, features.text.sentence)])
    found = head(None if from_maps else decoded, features)
    assert found.shape == (3, ) and found.std() > 0.01
    assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_loss():
    """An expression has an object if a pixel of its target is 1; ignored pixels are none."""
    decoded, features = features_of()
    head = ExistenceHead(6, 5, channels=4, loss_weight=0.3)
    target = torch.zeros(3, 8, 14, dtype=torch.int64)
    target[0, 7, 13] = 1
    target[1] = 255
    losses, logits = head.loss(decoded, features, target), head(decoded, features)
    expected = -(F.logsigmoid(logits[0]) + F.logsigmoid(-logits[1]) + F.logsigmoid(-logits[2])) / 3
    assert_close(losses['loss_existence'], 0.3 * expected)
    right = [bool(logit > 0) == exists for logit, exists in zip(logits, (True, False, False))]
    assert_close(losses['acc_existence'], torch.tensor(100 * sum(right) / 3))
    losses['loss_existence'].backward()
    assert all(parameter.grad is not None for parameter in head.parameters())


@pytest.mark.parametrize('name', MODELS)
def test_on_any_head(name):
    """It trains with the rest; expressions together give what each gives alone; the decode head is left alone."""
    model = build(MODELS[name])
    step(model)
    assert all(parameter.grad is not None for parameter in model.existence_head.parameters())
    model.eval()
    said = ['the red tie', 'man', 'left dog', 'man']
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        model.test_cfg.max_expressions = 2
        together, = model(images, [sample_of(said)], mode='predict')
        model.test_cfg.max_expressions = 16
        alone = [model(images, [sample_of([one])], mode='predict')[0] for one in said]
        model.existence_head = None
        without, = model(images, [sample_of(said)], mode='predict')
    assert together.pred_existence.shape == (4, ) and together.pred_existence.std() > 1e-5
    assert_close(together.pred_existence, torch.cat([sample.pred_existence for sample in alone]), atol=1e-5, rtol=1e-4)
    exists = (together.pred_existence > 0.5)[:, None, None]
    assert_close(together.pred_sem_seg.data, without.pred_sem_seg.data * exists)
    assert 'pred_existence' not in without and together.to_dict()['pred_existence'].shape == (4, )


def sample_of(expressions, size=64):
    return RefDataSample(metainfo=dict(expressions=list(expressions), img_shape=(size, size), ori_shape=(size, size)))


@pytest.mark.parametrize('threshold, left', [(0.5, [False, True]), (0., [True, True]), (0.95, [False, False])])
def test_masks_are_emptied(threshold, left):
    model = build(dict(MODELS['MaskHead'], test_cfg=dict(existence_threshold=threshold, keep_logits=True))).eval()
    torch.nn.init.zeros_(model.decode_head.classifier.weight)
    model.decode_head.classifier.bias.data[:] = torch.tensor([0., 1.])  # all is the object
    model.existence_head.forward = lambda decoded, features: torch.tensor([-2., 2.])  # 0.12 and 0.88
    with torch.no_grad():
        sample, = model(torch.randn(1, 3, 64, 64), [sample_of(['man', 'dog'])], mode='predict')
    assert sample.pred_sem_seg.data.dtype == torch.uint8
    masks = sample.pred_sem_seg.data.flatten(1)
    assert masks.all(1).tolist() == masks.any(1).tolist() == left
    assert [score > 0 for score in sample.pred_scores.tolist()] == left
    assert sample.seg_logits.data.any()  # what the decode head says stays


@pytest.mark.parametrize('threshold', [-0.1, 1])
def test_bad_threshold(threshold):
    with pytest.raises(ValueError, match=f'model.test_cfg.existence_threshold is {threshold}, expected a probability'):
        build(dict(MODELS['MaskHead'], test_cfg=dict(existence_threshold=threshold)))


@torch.no_grad()
def test_half_precision():
    model = build(MODELS['SADLRHead']).eval()
    half = use_half_precision(copy.deepcopy(model), torch.bfloat16)
    images, said = torch.randn(1, 3, 64, 64), ['the red tie', 'man', 'left dog']
    exact, rough = (each(images, [sample_of(said)], mode='predict')[0].pred_existence for each in (model, half))
    assert rough.dtype == torch.float32 and 0 < (exact - rough).abs().max() < 0.02


DECODED = MODELS['MaskHead']


@pytest.mark.parametrize('model, message', [
    (dict(DECODED, existence_head=dict(ON_DECODER, in_channels=9)),
     'model.existence_head ExistenceHead has in_channels 9, but model.decoder FPNDecoder gives Y of 8 channels'),
    (dict(DECODED, existence_head=dict(ON_DECODER, text_channels=7)),
     'model.existence_head ExistenceHead takes words of 7 channels .*BERTEncoder gives words of 16'),
    (dict(DECODED, existence_head=dict(ON_MAPS, in_channels=9)),
     'existence_head ExistenceHead takes a last level of 9 channels, but model.fusion PWAMFusion gives one of 64'),
    (dict(MODELS['FCNHead'], existence_head=ON_DECODER),
     r'existence_head ExistenceHead reads Y \(from_maps=True: the coarsest fused map\), so model.decoder is needed'),
    (dict(DECODED, existence_head=dict(type='MaskHead', in_channels=8)),
     'model.existence_head MaskHead is no ExistenceHead: an ExistenceHead, and nothing else, belongs in'),
    (dict(DECODED, auxiliary_head=ON_DECODER),
     'model.auxiliary_head ExistenceHead gives no mask and is needed at inference: .* in model.existence_head'),
    (dict(DECODED, decode_head=ON_DECODER), 'model.decode_head ExistenceHead gives no mask'),
])
def test_what_does_not_fit(model, message):
    with pytest.raises(ValueError, match=message):
        build(model)


def test_goes_with_every_fusion():
    """Y knows the words behind each of them; so does the sentence that is read beside it."""
    for fusion in FUSIONS:
        decoder = parts(fusion)
        width = decoder['decode_head']['in_channels']
        build(dict(decoder, existence_head=dict(ON_DECODER, in_channels=width)))
