# LAVT with Swin-B and BERT-base, as published and released.
_base_ = './swinb_bert.py'

norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    backbone=dict(type='LAVTSwin', text_channels=768),
    decoder=dict(
        type='LAVTDecoder', in_channels=[128, 256, 512, 1024], channels=512, norm_cfg=norm_cfg),
    decode_head=dict(
        type='MaskHead',
        in_channels=512,
        num_classes=2,
        align_corners=True,
        loss_decode=dict(type='RefCrossEntropyLoss', class_weight=[0.9, 1.1])))
