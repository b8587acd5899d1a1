"""Tiny segmentors of many combinations, and batches for them."""

import copy

import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData

from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample

WORDS = ['a', 'the', 'man', 'red', 'tie', 'left', 'dog']
TEXT = dict(
    type='BERTEncoder', pretrained=None, tokenizer=WORDS, max_length=8,
    config=dict(model_type='bert', hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16))
RNN = dict(type='RNNEncoder', vocab=WORDS, embed_dims=8, hidden_dims=8)
LAVT = dict(
    type='LAVTSwin', embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), window_size=3, text_channels=16)
SWIN = dict(type='SwinTransformer', embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), window_size=3)
PWAM_FUSION = dict(type='PWAMFusion', in_channels=[8, 16, 32, 64], text_channels=16)
DECODER = dict(type='LAVTDecoder', in_channels=[8, 16, 32, 64], channels=16)
HEAD = dict(type='MaskHead', in_channels=16)
UPER = dict(
    type='UPerHead', in_channels=[8, 16, 32, 64], in_index=[0, 1, 2, 3], channels=8, num_classes=2,
    pool_scales=(1, 2), dropout_ratio=0., norm_cfg=dict(type='BN'), align_corners=False,
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True))
FCN = dict(
    type='FCNHead', in_channels=32, in_index=2, channels=8, num_classes=2, dropout_ratio=0.,
    norm_cfg=dict(type='BN'), loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.4))
FPN = dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=8, num_outs=4)
COMBINATIONS = dict(
    lavt=dict(text_encoder=TEXT, backbone=LAVT, decoder=DECODER, decode_head=HEAD),
    lavt_rnn=dict(text_encoder=RNN, backbone=dict(LAVT, fusion_heads=4), decoder=DECODER, decode_head=HEAD),
    lavt_checkpointed=dict(text_encoder=TEXT, backbone=dict(LAVT, with_cp=True), decoder=DECODER, decode_head=HEAD),
    late_fusion=dict(text_encoder=TEXT, backbone=SWIN, fusion=PWAM_FUSION, decoder=DECODER, decode_head=HEAD),
    one_channel=dict(
        text_encoder=TEXT, backbone=LAVT, decoder=DECODER,
        decode_head=dict(HEAD, num_classes=1, loss_decode=[
            dict(type='RefDiceLoss'), dict(type='RefCrossEntropyLoss')])),
    mmseg_head=dict(
        text_encoder=TEXT, backbone=SWIN, fusion=PWAM_FUSION, decode_head=UPER, auxiliary_head=FCN),
    mmseg_neck=dict(
        text_encoder=TEXT, backbone=LAVT, neck=FPN, decode_head=dict(UPER, in_channels=[8] * 4)),
    mmseg_head_on_decoder=dict(
        text_encoder=TEXT, backbone=LAVT, decoder=DECODER,
        decode_head=dict(FCN, in_channels=16, in_index=0, num_classes=2)),
)

def build(**parts):
    init_default_scope('mmrefseg')
    torch.manual_seed(0)
    return MODELS.build(dict(type='RefSegmentor', **copy.deepcopy(parts)))


def make_batch(expressions=(('the red tie', ), ('a man', )), size=(64, 96), ori_size=(50, 70)):
    torch.manual_seed(1)
    samples = []
    for said in expressions:
        sample = RefDataSample(metainfo=dict(
            expressions=list(said), img_path='x.jpg', img_shape=size, ori_shape=ori_size))
        sample.gt_sem_seg = PixelData(data=(torch.rand(len(said), *size) > 0.7).to(torch.uint8))
        samples.append(sample)
    return torch.randn(len(samples), 3, *size), samples

