"""Every part with every other: a pairing takes a training step, or fails when it is built and says what lacks what.

The covering set: all fusions, and LAVTSwin which needs none, x decoders x heads with one text encoder; all backbones x
fusions; all text encoders x fusions; heads of mmseg and auxiliary heads x fusions.
"""

import re
from itertools import product

import pytest
from conftest import ROOT
from mixing_parts import (
    AUXILIARY,
    BACKBONES,
    DECODERS,
    FUSIONS,
    HEADS,
    MAPS,
    MMSEG_HEADS,
    NO_CHOICE,
    ONE_LEVEL,
    QUERIES_OF,
    TEXTS,
    WITH_PRIOR,
    build,
    parts,
    step,
)


def why_not(fusion, decoder):
    """What a decoder lacks behind a fusion (None: behind LAVTSwin alone); None: it works."""
    giver = 'model.backbone LAVTSwin' if fusion is None else f'model.fusion {fusion}'
    if decoder == 'LAVTDecoder' and fusion in ONE_LEVEL:
        return r'decoder.in_channels of LAVTDecoder is \(16,\), expected two levels or more'
    if decoder in ('VLTDecoder', 'VLTWordDecoder', 'M3MaskDecoder') and fusion not in QUERIES_OF:
        return f'model.decoder {decoder} reads queries, but {giver} gives none'
    if (decoder, fusion) == ('VLTDecoder', 'M3Dec'):
        return 'VLTDecoder reads 4 queries, but model.fusion M3Dec gives one a word'
    if (decoder, fusion) == ('M3MaskDecoder', 'VLTFusion'):
        return 'M3MaskDecoder reads one query a word, but model.fusion VLTFusion gives 4'
    if fusion == 'M3Dec' and decoder not in ('VLTWordDecoder', 'M3MaskDecoder', 'CRISDecoder'):
        return f'model.decoder {decoder} reads maps alone, but {giver} gives maps of the picture alone'
    return None


def why_not_levels(backbone, fusion):
    """What a fusion lacks behind a backbone that always gives four levels."""
    if backbone in NO_CHOICE and fusion in ('LTSFusion', 'CMPCFusion', 'VLTFusion', 'CRISFusion'):
        return (f'model.fusion {fusion} takes 3 levels of 16, 32, 64 channels, but model.backbone {backbone} gives 4 '
                r'levels of 8, 16, 32, 64 channels \(out_indices of the backbone chooses levels\)')
    return None


def why_not_auxiliary(fusion, head):
    if head == 'LocateHead' and fusion not in WITH_PRIOR:
        return f'model.auxiliary_head LocateHead needs a prior, but model.fusion {fusion} gives none'
    if head == 'LevelHead' and fusion != 'CMPCFusion':
        return ('model.auxiliary_head LevelHead takes 4 levels of 16, 16, 16, 16 channels, but model.fusion '
                f'{fusion} gives')
    if head == 'LFRHead' and fusion not in QUERIES_OF:
        return f'model.auxiliary_head LFRHead reads queries, but model.fusion {fusion} gives none'
    return None


def why_not_mmseg(fusion, head):
    if head != 'FCNHead' and fusion in ONE_LEVEL:
        return rf'model.decode_head {head} has in_index \[0, 1, 2, 3\], but model.fusion {fusion} gives 1 level of 16'
    if head != 'FCNHead' and fusion == 'CMPCFusion':
        return (rf'model.decode_head {head} takes 4 levels of 8, 16, 32, 64 channels \(in_index \[0, 1, 2, 3\]\), but '
                'model.fusion CMPCFusion gives 4 levels of 16, 16, 16, 16 channels there')
    if fusion == 'M3Dec':
        return 'model.decode_head FCNHead reads maps alone, but model.fusion M3Dec gives maps of the picture alone'
    return None


def pairings():
    """(names, the model's config, why it cannot work or None)."""
    for fusion, decoder, head in product((None, *FUSIONS), DECODERS, HEADS):
        backbone = 'LAVTSwin' if fusion is None else 'Swin'
        yield (fusion or backbone, decoder, head), parts(fusion, decoder, head, backbone), why_not(fusion, decoder)
    for fusion, decoder in product(FUSIONS, DECODERS):
        if decoder == 'CRISDecoder' or fusion in ('PWAMFusion', 'VLTFusion'):
            yield (fusion, decoder, 'DynamicKernelHead'), parts(fusion, decoder, 'DynamicKernelHead'), why_not(
                fusion, decoder)
    for backbone, fusion in product(BACKBONES, FUSIONS):
        if backbone != 'Swin':
            yield (backbone, fusion), parts(fusion, backbone=backbone), why_not_levels(backbone, fusion)
    for text, fusion in product(TEXTS, FUSIONS):
        if text != 'BERT':
            yield (text, fusion), parts(fusion, text=text), None
    for text, backbone in product(TEXTS, ('LAVTSwin', 'AlignedDINOv2')):
        yield (backbone, text), parts(backbone=backbone, text=text), None
    for fusion, head in product(FUSIONS, MMSEG_HEADS):
        taken = dict(MMSEG_HEADS[head], in_channels=MAPS[fusion][-1]) if head == 'FCNHead' else MMSEG_HEADS[head]
        yield (fusion, head), parts(fusion, None, decode_head=taken), why_not_mmseg(fusion, head)
    for fusion, head in product(FUSIONS, AUXILIARY):
        extra = dict(AUXILIARY[head], word_queries=fusion != 'VLTFusion') if head == 'LFRHead' else AUXILIARY[head]
        yield (fusion, head), parts(fusion, auxiliary_head=extra), why_not_auxiliary(fusion, head)


PAIRINGS = [('-'.join(names), model, reason) for names, model, reason in pairings()]
RUN = [pytest.param(model, id=name) for name, model, reason in PAIRINGS if reason is None]
REFUSED = [pytest.param(model, reason, id=name) for name, model, reason in PAIRINGS if reason is not None]


def test_the_numbers_of_the_docs():
    assert len(RUN) >= 150 and len({name for name, _, _ in PAIRINGS}) == len(PAIRINGS)
    text = (ROOT / 'docs/en/mixing.md').read_text()
    assert f'{len(RUN)} pairings take a step and {len(REFUSED)} are refused' in text


@pytest.mark.parametrize('model', RUN)
def test_takes_a_step(model):
    step(build(model))


@pytest.mark.parametrize('model,reason', REFUSED)
def test_is_refused_when_built(model, reason):
    with pytest.raises(ValueError, match=reason):
        build(model)


@pytest.mark.parametrize('fusion', FUSIONS)
def test_words_of_another_width(fusion):
    wrong = dict(FUSIONS[fusion], text_channels=12)
    taken = ('a sentence of 12 channels, but model.text_encoder BERTEncoder gives one of 16' if 'RIS' in fusion else
             r'words of 12 channels \(text_channels\), but model.text_encoder BERTEncoder gives words of 16 channels')
    with pytest.raises(ValueError, match=f'model.fusion {fusion} takes {taken}'):
        build(dict(parts(fusion), fusion=wrong))


@pytest.mark.parametrize('fusion', FUSIONS)
@pytest.mark.parametrize('backbone,name', [
    ('Swin', 'SwinTransformer'), ('ResNet', 'ResNetV1c'), ('MSCAN', 'MSCAN'), ('ConvNeXt', 'AutoBackbone')])
def test_levels_of_another_width(fusion, backbone, name):
    model = parts(fusion, backbone=backbone)
    widths = [*FUSIONS[fusion]['in_channels'][:-1], 24]
    expected = (f'model.fusion {fusion} takes {len(widths)} levels of {", ".join(map(str, widths))} channels, but '
                f'model.backbone {name} gives')
    with pytest.raises(ValueError, match=re.escape(expected)):
        build(dict(model, fusion=dict(FUSIONS[fusion], in_channels=widths)))


DECODED = dict(CASGDecoder='PWAMFusion', FPNDecoder='PWAMFusion', LAVTDecoder='PWAMFusion', LTSDecoder='LTSFusion',
               PriorConcat='LTSFusion', M3MaskDecoder='M3Dec', VLTDecoder='VLTFusion', VLTWordDecoder='M3Dec')


@pytest.mark.parametrize('decoder,change,message', [
    *((name, dict(in_channels=[8, 16, 32, 24]), 'takes 4 levels of 8, 16, 32, 24 channels, but model.fusion PWAMFusion '
       'gives 4 levels of 8, 16, 32, 64 channels') for name in ('CASGDecoder', 'FPNDecoder', 'LAVTDecoder')),
    *((name, dict(in_channels=24), 'takes a last level of 24 channels, but model.fusion LTSFusion gives one of 16')
      for name in ('LTSDecoder', 'PriorConcat')),
    *((name, dict(with_prior=False), r'is set to read no prior \(with_prior=False\), but model.fusion LTSFusion gives')
      for name in ('LTSDecoder', 'PriorConcat')),
    ('CASGDecoder', dict(text_channels=12), 'takes words of 12 channels .* BERTEncoder gives words of 16 channels'),
    ('VLTDecoder', dict(in_channels=24), 'reads queries of 24 channels, but model.fusion VLTFusion gives queries of'),
    ('VLTDecoder', dict(num_queries=3), 'reads 3 queries, but model.fusion VLTFusion gives 4'),
    ('VLTDecoder', dict(map_channels=24), 'takes a last level of 24 channels, but model.fusion VLTFusion gives one of'),
    ('VLTWordDecoder', dict(num_queries=7), 'reads at most 7 queries, but model.fusion M3Dec gives one a word, up to '
     'text_encoder.max_length 8'),
    ('M3MaskDecoder', dict(max_words=7), 'reads at most 7 queries, but model.fusion M3Dec gives one a word'),
])
def test_a_decoder_of_another_size(decoder, change, message):
    model = parts(DECODED[decoder], decoder)
    with pytest.raises(ValueError, match=f'model.decoder {decoder} {message}'):
        build(dict(model, decoder=dict(model['decoder'], **change)))


@pytest.mark.parametrize('head', ['SADLRHead', 'CGAHead'])
def test_a_head_for_other_words(head):
    model = parts('PWAMFusion', head_name=head)
    with pytest.raises(ValueError, match=f'model.decode_head {head} takes words of 12 channels'):
        build(dict(model, decode_head=dict(model['decode_head'], text_channels=12)))


def test_other_levels_for_a_head_of_mmseg():
    model = parts('PWAMFusion', None, decode_head=dict(MMSEG_HEADS['UPerHead'], in_channels=[8, 16, 32, 24]))
    with pytest.raises(ValueError, match=r'model.decode_head UPerHead takes 4 levels of 8, 16, 32, 24 channels '
                                         r'\(in_index \[0, 1, 2, 3\]\), but model.fusion PWAMFusion gives 4 levels'):
        build(model)
    summed = dict(MMSEG_HEADS['FCNHead'], in_index=[0, 1], in_channels=[8, 24], input_transform='resize_concat')
    with pytest.raises(ValueError, match='FCNHead takes 1 level of 32 channels .* PWAMFusion gives 1 level of 24'):
        build(dict(model, decode_head=summed))
    step(build(dict(model, decode_head=dict(summed, in_channels=[8, 16]))))


def test_a_neck_is_asked_for_its_levels():
    neck = dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=8, num_outs=4)
    model = parts('PWAMFusion', neck=neck)
    with pytest.raises(ValueError, match='model.decoder FPNDecoder takes 4 levels of 8, 16, 32, 64 channels, but '
                                         'model.fusion PWAMFusion with model.neck FPN gives 4 levels of 8, 8, 8, 8'):
        build(model)
    step(build(dict(model, decoder=dict(model['decoder'], in_channels=[8] * 4))))
    with pytest.raises(ValueError, match='model.neck FPN cannot take the 4 levels of 8, 16, 32, 64 channels that '
                                         'model.fusion PWAMFusion gives'):
        build(dict(model, neck=dict(neck, in_channels=[8, 16, 24, 64])))


def test_a_cascaded_head_of_mmseg():
    head = dict(type='OCRHead', in_channels=64, channels=8, ocr_channels=4, num_classes=2, norm_cfg=dict(type='BN'))
    with pytest.raises(ValueError, match='model.decode_head OCRHead is neither .* makes logits from maps alone'):
        build(parts('PWAMFusion', None, decode_head=head))


def test_what_is_not_known_is_not_checked():
    """A backbone for pictures of one size cannot be asked with another, and works."""
    backbone = dict(
        type='BEiT', img_size=96, patch_size=16, embed_dims=16, num_layers=4, num_heads=2, out_indices=(0, 1, 2, 3))
    fusion = dict(type='PWAMFusion', in_channels=[16] * 4, text_channels=16)
    model = parts('PWAMFusion', backbone='Swin')
    built = build(dict(model, backbone=backbone, fusion=fusion, decoder=dict(model['decoder'], in_channels=[16] * 4)))
    modes = {module.training for module in built.backbone.modules()}
    assert modes == {True}
    step(built, size=96)
