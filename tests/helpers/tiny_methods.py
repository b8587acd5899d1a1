"""Tiny models of every method."""

import copy

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmengine.registry import init_default_scope
from torch import nn

from mmrefseg.registry import MODELS

SIZE = 64
LEVELS = [4, 8, 16, 32]

class FourConvs(BaseModule):
    """A backbone that takes no time to compile: four levels of strides 4 to 32, less the ``skip`` finest."""

    def __init__(self, skip=0):
        super().__init__()
        self.skip = skip
        self.convs = nn.ModuleList(
            ConvModule(before, after, stride, stride=stride, norm_cfg=dict(type='BN'))
            for before, after, stride in zip([3, *LEVELS], LEVELS, [4, 2, 2, 2]))

    def forward(self, images):
        maps = [images]
        for conv in self.convs:
            maps.append(conv(maps[-1]))
        return tuple(maps[1 + self.skip:])

WORDS = ['a', 'the', 'man', 'red', 'left']
BERT = dict(
    type='BERTEncoder', pretrained=None, tokenizer=WORDS, max_length=10, sentence='mean',
    config=dict(model_type='bert', hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16))
GRU = dict(type='RNNEncoder', vocab=WORDS, embed_dims=8, hidden_dims=8, max_length=10)
SWIN = dict(
    type='StemSwin', embed_dims=8, depths=(1, 1, 1), num_heads=(1, 1, 2), out_indices=(0, 1, 2), window_size=5,
    drop_path_rate=0.1)
# Two stages, the second with a block whose windows are shifted.
LAVT = dict(
    SWIN, type='LAVTSwin', depths=(1, 2), num_heads=(1, 2), out_indices=(0, 1), window_size=4, text_channels=16,
    fusion_heads=2)
CONVS = dict(type=FourConvs)
MASK_HEAD = dict(type='MaskHead', in_channels=16)
NARROW_HEAD = dict(type='MaskHead', in_channels=4)
TILE_CONCAT = dict(type='TileConcatFusion', in_channels=LEVELS, text_channels=16)
FPN = dict(type='FPNDecoder', in_channels=LEVELS, channels=4)
LTS = dict(
    text_encoder=GRU, backbone=SWIN,
    fusion=dict(type='LTSFusion', in_channels=[8, 16, 32], text_channels=16, channels=16,
                locator=dict(type='RelevanceFilter')),
    decoder=dict(type='LTSDecoder', in_channels=16, channels=8, out_channels=16, dilations=(1, 2)),
    decode_head=dict(type='LTSMaskHead', in_channels=16, num_classes=1), auxiliary_head=dict(type='LocateHead'))
LAVT_MODEL = dict(
    text_encoder=BERT, backbone=LAVT, decode_head=MASK_HEAD,
    decoder=dict(type='LAVTDecoder', in_channels=[8, 16], channels=16))
METHODS = dict(
    lavt=LAVT_MODEL,
    sadlr=dict(text_encoder=GRU, backbone=CONVS, fusion=TILE_CONCAT, decoder=FPN, decode_head=dict(
        type='SADLRHead', in_channels=4, text_channels=16, dynamic_channels=(4, 8),
        loss_decode=dict(type='RefDiceLoss')), existence_head=dict(
            type='ExistenceHead', in_channels=4, text_channels=16, channels=8)),
    cga=dict(text_encoder=GRU, backbone=CONVS, fusion=TILE_CONCAT, decoder=FPN, decode_head=dict(
        type='CGAHead', in_channels=4, text_channels=16, num_groups=2)),
    lts_swin=LTS,
    lts_darknet=dict(LTS, backbone=dict(type='mmdet.Darknet', depth=53, out_indices=(3, 4, 5)), fusion=dict(
        LTS['fusion'], in_channels=[256, 512, 1024], locator=dict(type='TransformerLocator', hidden_channels=16))),
    vlt=dict(text_encoder=GRU, backbone=dict(CONVS, skip=1), decode_head=MASK_HEAD,
             fusion=dict(type='VLTFusion', in_channels=[8, 16, 32], text_channels=16, feature_size=(4, 4),
                         channels=16, num_queries=4, num_heads=2, feedforward_channels=16),
             decoder=dict(type='VLTDecoder', in_channels=16, num_queries=4, feature_size=(4, 4),
                          channels=[[8, 8], [16]])),
    s2rm_casg=dict(text_encoder=GRU, backbone=CONVS, decode_head=NARROW_HEAD,
                   fusion=dict(type='S2RM', in_channels=LEVELS, text_channels=16, feature_size=(2, 2)),
                   decoder=dict(type='CASGDecoder', in_channels=LEVELS, text_channels=16, num_convs=1)),
    tile_fpn=dict(text_encoder=GRU, backbone=CONVS, fusion=TILE_CONCAT, decoder=FPN, decode_head=NARROW_HEAD),
    acm_fpn=dict(text_encoder=GRU, backbone=CONVS, decoder=FPN, decode_head=NARROW_HEAD,
                 fusion=dict(type='ACMFusion', in_channels=LEVELS, text_channels=16, channels=8)),
    m3att_lfr=dict(
        text_encoder=GRU, backbone=CONVS, decode_head=MASK_HEAD,
        fusion=dict(type='M3Dec', in_channels=LEVELS, text_channels=16, feature_size=(8, 8), channels=8, num_heads=2,
                    num_encoder_layers=1, num_layers=2, feedforward_channels=8, dropout=0.),
        decoder=dict(type='M3MaskDecoder', in_channels=8, max_words=10, channels=16, num_heads=2, dropout=0.),
        auxiliary_head=dict(type='LFRHead', query_channels=8, text_channels=16, channels=8)),
    mmseg_head=dict(
        text_encoder=GRU, backbone=CONVS,
        fusion=dict(type='PWAMFusion', in_channels=LEVELS, text_channels=16, levels=[3]),
        decode_head=dict(type='FCNHead', in_channels=32, in_index=3, channels=8, num_classes=2)),
)

def build(parts):
    init_default_scope('mmrefseg')
    torch.manual_seed(0)
    return MODELS.build(dict(type='RefSegmentor', **copy.deepcopy(parts)))

