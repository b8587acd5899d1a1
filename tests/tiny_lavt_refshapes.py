"""The nano model, smaller still: what the tests of tools and inferencer train in seconds."""
_base_ = '../configs/lavt/lavt_nano_refshapes.py'

input_size = (64, 64)
model = dict(
    text_encoder=dict(embed_dims=8, hidden_dims=8),
    backbone=dict(
        embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], text_channels=16, drop_path_rate=0.2,
        fusion_heads=2,
        pretrain_img_size=64,
        init_cfg=None),
    decoder=dict(in_channels=[8, 16, 32, 64], channels=8),
    decode_head=dict(in_channels=8, sub_pixel=dict(channels=4)),
    auxiliary_head=None)
train_pipeline = [
    dict(type='LoadRefImage'),
    dict(type='LoadRefAnnotations'),
    dict(type='RefResize', scale=input_size, keep_ratio=False),
    dict(type='RandomFlipExpression', prob=0.5),
    dict(type='PackRefInputs')
]
test_pipeline = [
    dict(type='LoadRefImage'),
    dict(type='RefResize', scale=input_size, keep_ratio=False),
    dict(type='LoadRefAnnotations'),
    dict(type='PackRefInputs')
]
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=2, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
