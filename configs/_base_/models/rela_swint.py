# ReLA with LAVT's Swin-T (window 7, ImageNet-1K at 224); everything else as with Swin-B.
_base_ = './rela_swinb.py'

model = dict(
    backbone=dict(
        pretrain_img_size=224,
        embed_dims=96,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        window_size=7,
        init_cfg=dict(
            checkpoint='https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/swin/'
            'swin_tiny_patch4_window7_224_20220317-1cdeb081.pth')),
    neck=dict(in_channels=[96, 192, 384, 768]))
