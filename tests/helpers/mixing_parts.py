"""Tiny parts of one width, so that each goes with each: what test_mixing.py builds models of."""

import copy

import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData

from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample

SIZE, WORDS, LONGEST = 64, ['the', 'man', 'red', 'tie', 'left', 'dog'], 8
WIDTHS, TEXT_WIDTH, WIDTH, QUERIES = [8, 16, 32, 64], 16, 16, 4
BN, LAYERS = dict(type='BN'), [1, 1, 1, 1]

TEXTS = dict(
    BERT=dict(
        type='BERTEncoder', pretrained=None, tokenizer=WORDS,
        config=dict(model_type='bert', hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                    intermediate_size=16)),
    BiGRU=dict(type='RNNEncoder', vocab=WORDS, cell='gru', embed_dims=8, hidden_dims=8),
    BiLSTM=dict(type='RNNEncoder', vocab=WORDS, cell='lstm', embed_dims=8, hidden_dims=8),
    CLIP=dict(
        type='CLIPTextEncoder', pretrained=None, tokenizer=[],
        config=dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)),
    AdaptedCLIP=dict(
        type='CLIPTextEncoder', pretrained=None, tokenizer=[], fixed_length=True, trainable_layers=0,
        adapters=dict(layers=[0], channels=16),
        config=dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)))

BACKBONES = dict(
    Swin=dict(type='SwinTransformer', embed_dims=8, depths=LAYERS, num_heads=[1, 1, 2, 2], window_size=3),
    LAVTSwin=dict(
        type='LAVTSwin', embed_dims=8, depths=LAYERS, num_heads=[1, 1, 2, 2], window_size=3, text_channels=TEXT_WIDTH),
    ResNet=dict(type='ResNetV1c', depth=18, stem_channels=8, base_channels=8, norm_cfg=BN),
    MiT=dict(type='MixVisionTransformer', embed_dims=8, num_layers=LAYERS, num_heads=[1, 2, 4, 8]),
    MSCAN=dict(type='MSCAN', embed_dims=WIDTHS, depths=LAYERS, norm_cfg=BN),
    PCPVT=dict(
        type='PCPVT', embed_dims=WIDTHS, depths=LAYERS, num_heads=[1, 2, 4, 8], mlp_ratios=[2, 2, 2, 2],
        sr_ratios=[8, 4, 2, 1]),
    SVT=dict(
        type='SVT', embed_dims=WIDTHS, depths=LAYERS, num_heads=[1, 2, 4, 8], mlp_ratios=[2, 2, 2, 2],
        sr_ratios=[8, 4, 2, 1], strides=[4, 2, 2, 2], windiow_sizes=[4, 4, 4, 4]),
    ConvNeXt=dict(
        type='AutoBackbone', out_features=['stage1', 'stage2', 'stage3', 'stage4'],
        config=dict(model_type='convnext', hidden_sizes=WIDTHS, depths=LAYERS)),
    CLIPResNet=dict(
        type='CLIPResNet', depth=LAYERS, stem_channels=2, pool_channels=64, head_channels=32, grid=2,
        out_indices=(0, 1, 2, 3)),
    AlignedDINOv2=dict(
        type='AlignedDINOv2', adapter_blocks=[1, 2], adapter_channels=16, out_blocks=(0, 1, 2), pyramid=WIDTHS,
        adapter_cfg=dict(attention_channels=8, num_heads=2), text_channels=TEXT_WIDTH,
        config=dict(image_size=64, patch_size=16, hidden_size=16, num_hidden_layers=4, num_attention_heads=2,
                    mlp_ratio=2)))
NO_CHOICE = ('LAVTSwin', 'MSCAN', 'AlignedDINOv2')  # no out_indices: they always give four levels

WITH_TEXT = dict(text_channels=TEXT_WIDTH)
ONE_LEVEL = ('LTSFusion', 'VLTFusion', 'M3Dec', 'CRISFusion', 'DETRISFusion')
FUSIONS = dict(
    PWAMFusion=dict(in_channels=WIDTHS),
    S2RM=dict(in_channels=WIDTHS, feature_size=(2, 2)),
    ACMFusion=dict(in_channels=WIDTHS, channels=8),
    TileConcatFusion=dict(in_channels=WIDTHS),
    LTSFusion=dict(in_channels=WIDTHS[1:], channels=WIDTH, locator=dict(type='RelevanceFilter')),
    CMPCFusion=dict(
        in_channels=WIDTHS[1:], feature_size=(8, 8), channels=8, out_channels=WIDTH, num_branches=2, num_rounds=1,
        locator=dict(type='ScoreLocator')),
    VLTFusion=dict(
        in_channels=WIDTHS[1:], feature_size=(4, 4), channels=WIDTH, num_queries=QUERIES, num_heads=2,
        num_encoder_layers=1, num_decoder_layers=1, feedforward_channels=16),
    M3Dec=dict(
        in_channels=WIDTHS, feature_size=(8, 8), channels=WIDTH, num_layers=2, num_encoder_layers=1, num_heads=2,
        feedforward_channels=16),
    CRISFusion=dict(in_channels=WIDTHS[1:], channels=(8, WIDTH, WIDTH)),
    DETRISFusion=dict(in_channels=WIDTHS, channels=WIDTH))
FUSIONS = {name: dict(type=name, **options, **WITH_TEXT) for name, options in FUSIONS.items()}
MAPS = {name: [WIDTH] if name in ONE_LEVEL else WIDTHS for name in FUSIONS}
MAPS['CMPCFusion'] = [WIDTH] * 4
WITH_PRIOR = ('LTSFusion', 'CMPCFusion')
QUERIES_OF = dict(VLTFusion=QUERIES, M3Dec=LONGEST)


def decoder(name, maps=WIDTHS, prior=False, queries=LONGEST, cells=(4, 4)):
    """The config of a decoder for maps of these widths, and the width of its Y."""
    options = dict(
        CASGDecoder=dict(in_channels=maps, num_convs=1, **WITH_TEXT),
        CRISDecoder=dict(in_channels=maps[-1], num_layers=1, num_heads=2, feedforward_channels=8,
                         upsample_channels=(8, ), **WITH_TEXT),
        FPNDecoder=dict(in_channels=maps, channels=8),
        LAVTDecoder=dict(in_channels=maps, channels=8),
        LTSDecoder=dict(in_channels=maps[-1], channels=8, out_channels=8, dilations=(1, 2), with_prior=prior),
        PriorConcat=dict(in_channels=maps[-1], with_prior=prior),
        M3MaskDecoder=dict(in_channels=WIDTH, max_words=LONGEST, channels=8, num_heads=2),
        VLTDecoder=dict(in_channels=WIDTH, num_queries=QUERIES, feature_size=cells, channels=[[8], [8]]),
        VLTWordDecoder=dict(in_channels=WIDTH, num_queries=LONGEST, feature_size=cells, channels=[[8], [8]]))[name]
    width = dict(CASGDecoder=maps[0], PriorConcat=maps[-1] + prior).get(name, 8)
    return dict(type=name, **options), width


DECODERS = ('CASGDecoder', 'CRISDecoder', 'FPNDecoder', 'LAVTDecoder', 'LTSDecoder', 'PriorConcat', 'M3MaskDecoder',
            'VLTDecoder', 'VLTWordDecoder')


def head(name, width):
    options = dict(
        MaskHead=dict(),
        SADLRHead=dict(dynamic_channels=(4, 8), num_iterations=2, loss_weights=(0.3, 0.7), **WITH_TEXT),
        CGAHead=dict(num_steps=2, num_groups=1, **WITH_TEXT),
        DynamicKernelHead=WITH_TEXT)[name]
    return dict(type=name, in_channels=width, **options)


HEADS = ('MaskHead', 'SADLRHead', 'CGAHead')
_MMSEG = dict(channels=8, num_classes=2, dropout_ratio=0., norm_cfg=BN, align_corners=False)
MMSEG_HEADS = dict(
    UPerHead=dict(in_channels=WIDTHS, in_index=[0, 1, 2, 3], pool_scales=(1, 2)),
    SegformerHead=dict(in_channels=WIDTHS, in_index=[0, 1, 2, 3]),
    FCNHead=dict(in_channels=64, in_index=-1, num_convs=1))
MMSEG_HEADS = {name: dict(type=name, **options, **_MMSEG) for name, options in MMSEG_HEADS.items()}
AUXILIARY = dict(
    LocateHead=dict(type='LocateHead'),
    LevelHead=dict(type='LevelHead', level_channels=[WIDTH] * 4),
    LFRHead=dict(type='LFRHead', query_channels=WIDTH, channels=8, **WITH_TEXT))


def parts(fusion=None, decoder_name='', head_name='MaskHead', backbone='Swin', text='BERT', **others):
    """The config of a model of these parts; levels and widths are set to fit wherever they can.

    ``decoder_name`` None leaves decoder and head to ``others``, '' takes a decoder that works behind the fusion.
    """
    model = dict(backbone=BACKBONES[backbone], text_encoder=dict(TEXTS[text], max_length=LONGEST), fusion=None)
    maps, prior = WIDTHS, False
    if fusion is not None:
        model['fusion'] = FUSIONS[fusion]
        maps, prior = MAPS[fusion], fusion in WITH_PRIOR
        if len(FUSIONS[fusion]['in_channels']) == 3 and backbone not in NO_CHOICE:
            key, levels = ('out_features', BACKBONES['ConvNeXt']['out_features'][1:]) if backbone == 'ConvNeXt' else (
                'out_indices', (1, 2, 3))
            model['backbone'] = dict(model['backbone'], **{key: levels})
    if decoder_name is not None:
        decoder_name = decoder_name or ('M3MaskDecoder' if fusion == 'M3Dec' else 'FPNDecoder')
        cells = (8, 8) if fusion == 'M3Dec' else (4, 4)
        model['decoder'], width = decoder(decoder_name, maps, prior, cells=cells)
        model['decode_head'] = head(head_name, width)
    return dict(model, **others)


def build(model):
    init_default_scope('mmrefseg')
    torch.manual_seed(0)
    return MODELS.build(copy.deepcopy(dict(model, type='RefSegmentor')))


def step(model, size=SIZE):
    """A training step of two pictures and three expressions; what the gradient must reach, it reaches."""
    samples = []
    for said in (['the red tie', 'dog'], ['man left the dog']):
        sample = RefDataSample(metainfo=dict(expressions=said, img_shape=(size, size)))
        sample.gt_sem_seg = PixelData(data=(torch.rand(len(said), size, size) > 0.5).to(torch.uint8))
        samples.append(sample)
    losses = model.train()(torch.randn(2, 3, size, size), samples, mode='loss')
    total = sum(value for key, value in losses.items() if 'loss' in key)
    assert total.isfinite()
    total.backward()
    for name, part in model.named_children():
        gradients = [value.grad for value in part.parameters() if value.grad is not None]
        if any(value.requires_grad for value in part.parameters()):
            assert any(gradient.any() for gradient in gradients), f'no gradient reaches {name}'
