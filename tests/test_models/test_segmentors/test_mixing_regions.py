"""The parts of CARIS and ReLA with those of other methods: a pairing takes a step, or fails and says what it lacks."""

import pytest
import torch
from conftest import ROOT
from mixing_parts import (
    BACKBONES,
    DECODERS,
    FUSIONS,
    MAPS,
    NO_CHOICE,
    QUERIES_OF,
    TEXT_WIDTH,
    TEXTS,
    WIDTH,
    WIDTHS,
    build,
    decoder,
    head,
    parts,
    step,
)

from mmrefseg.models.decode_heads.region_layer import RegionLanguageAttention

NORM = dict(type='GN', num_groups=2)
NECK = dict(
    type='DeformableNeck', in_channels=WIDTHS, channels=WIDTH, num_layers=1, feedforward_channels=16, num_heads=2,
    num_points=2, norm_cfg=NORM)
ALIKE = [WIDTH] * 4
CARIS = dict(
    type='CARISFusion', in_channels=WIDTHS, text_channels=TEXT_WIDTH, channels=WIDTH, num_layers=1, num_prompts=2,
    attention_channels=16, feedforward_channels=16, num_heads=2, num_points=2, norm_cfg=NORM)
PROMPTED = dict(TEXTS['BERT'], type='PromptedBERTEncoder', image_channels=64, max_length=8)
MASK_FEATURES = dict(type='MaskFeatureDecoder', in_channels=ALIKE, norm_cfg=NORM)
CLASSIFIERS = dict(type='DynamicClassifierHead', in_channels=WIDTH)


def regions(width, maps):
    """ReLA's head on Y of a width and on maps."""
    return dict(
        type='ReLAHead', in_channels=width, map_channels=maps, text_channels=TEXT_WIDTH, channels=8, num_queries=4,
        num_layers=2, num_levels=min(3, len(maps)), num_heads=2, feedforward_channels=8)


def behind_caris(name):
    """What a decoder lacks behind CARISFusion, which gives two queries."""
    return dict(
        VLTDecoder='VLTDecoder reads 4 queries, but model.fusion CARISFusion gives 2',
        M3MaskDecoder='M3MaskDecoder reads one query a word, but model.fusion CARISFusion gives 2').get(name)


def pairings():
    """(names, the model's config, why it cannot work or None)."""
    swin = dict(parts(), fusion=CARIS)
    for name in DECODERS:
        made, width = decoder(name, ALIKE)
        yield ('CARISFusion', name), dict(swin, decoder=made, decode_head=head('MaskHead', width)), behind_caris(name)
    for name in ('MaskHead', 'SADLRHead', 'CGAHead'):
        yield (('CARISFusion', 'MaskFeatureDecoder', name),
               dict(swin, decoder=MASK_FEATURES, decode_head=head(name, WIDTH)), None)
    yield ('CARISFusion', 'ReLAHead'), dict(swin, decoder=MASK_FEATURES, decode_head=regions(WIDTH, ALIKE)), None
    for name in BACKBONES:
        yield (('CARISFusion', name), dict(swin, backbone=BACKBONES[name], decoder=MASK_FEATURES,
                                           decode_head=CLASSIFIERS), None)
    for text in (*TEXTS, 'PromptedBERT'):
        encoder = dict(TEXTS[text], max_length=8) if text in TEXTS else PROMPTED
        yield (('CARISFusion', text), dict(swin, text_encoder=encoder, decoder=MASK_FEATURES, decode_head=CLASSIFIERS),
               None)
    for fusion in FUSIONS:
        yield ('PromptedBERT', fusion), dict(parts(fusion), text_encoder=PROMPTED), None
        # The regions read the words themselves, so maps of the image alone will do.
        behind = parts(fusion)
        width = 8 if behind['decoder']['type'] in ('FPNDecoder', 'M3MaskDecoder') else WIDTH
        yield (fusion, 'ReLAHead'), dict(behind, decode_head=regions(width, MAPS[fusion])), None
        reason = 'reads 2 queries, but' if fusion in QUERIES_OF else 'DynamicClassifierHead reads queries, but'
        yield (fusion, 'DynamicClassifierHead'), dict(behind, decode_head=dict(CLASSIFIERS, in_channels=8)), reason
        if len(MAPS[fusion]) == 4 and MAPS[fusion] == WIDTHS:
            yield ((fusion, 'DeformableNeck'), dict(behind, neck=NECK, decoder=MASK_FEATURES,
                                                    decode_head=head('MaskHead', WIDTH)), None)
    yield (('LAVTSwin', 'PromptedBERT'), dict(parts(backbone='LAVTSwin'), text_encoder=PROMPTED),
           'PromptedBERTEncoder looks at the maps of the backbone, but model.backbone LAVTSwin needs the words')
    image = dict(type='ImageFusion', in_channels=WIDTHS, neck=NECK, channels=WIDTH)
    for name in BACKBONES:
        if name not in NO_CHOICE or name == 'MSCAN':
            model = dict(parts(backbone=name), fusion=image, decoder=MASK_FEATURES)
            yield ('ImageFusion', name), dict(model, decode_head=regions(WIDTH, ALIKE)), None
    yield (('ImageFusion', 'MaskHead'), dict(parts(), fusion=image, decoder=MASK_FEATURES,
                                             decode_head=head('MaskHead', WIDTH)), 'the expression is nowhere')


PAIRINGS = [('-'.join(names), model, reason) for names, model, reason in pairings()]
RUN = [pytest.param(model, id=name) for name, model, reason in PAIRINGS if reason is None]
REFUSED = [pytest.param(model, reason, id=name) for name, model, reason in PAIRINGS if reason is not None]


def test_the_numbers_of_the_docs():
    assert len(RUN) >= 50 and len({name for name, _, _ in PAIRINGS}) == len(PAIRINGS)
    text = (ROOT / 'docs/en/mixing.md').read_text()
    assert f'of those of CARIS and ReLA with the others {len(RUN)} and {len(REFUSED)}' in text


@pytest.mark.parametrize('model', RUN)
def test_takes_a_step(model):
    model = build(model)
    for part in model.modules():
        if isinstance(part, RegionLanguageAttention):  # which hears no word at the start
            torch.nn.init.normal_(part.project.weight)
    step(model)


@pytest.mark.parametrize('model,reason', REFUSED)
def test_is_refused_when_built(model, reason):
    with pytest.raises(ValueError, match=reason):
        build(model)
