# What the nano methods start from: their Swin in a semantic segmentor of mmseg, which learns the kind, colour,
# texture, size and place of RefShapes' shapes, without a word. Train images alone: the held-out pairs of testB stay
# unseen.
_base_ = [
    '../_base_/models/swin_nano.py', '../_base_/schedules/schedule_refshapes.py', '../_base_/default_runtime.py'
]

max_epochs = 5
attributes = dict(kind=10, colour=7, texture=4, size=3, column=8, row=8)  # their classes; a kind: background
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='RefDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
        size_divisor=1, pad_val=0, seg_pad_val=0),
    backbone=dict(type='StemSwin', **{**_base_.nano_swin, 'init_cfg': None}),
    decode_head=dict(
        type='ShapeAttributesHead', attributes=attributes, in_channels=[32, 64, 128, 256],
        align_corners=False, dropout_ratio=0., loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    test_cfg=dict(mode='whole'))

input_size = (96, 96)
load = [dict(type='LoadRefImage'), dict(type='RefResize', scale=input_size, keep_ratio=False)]
pack = dict(type='PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape', 'pad_shape'))
dataset = dict(type='RefShapesAttributesDataset', data_root='data/')
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        **dataset, split='train',
        pipeline=[*load, dict(type='LoadShapeAttributes', attributes=list(attributes), size='input'), pack]))
val_dataloader = dict(
    batch_size=16,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**dataset, split='val', pipeline=[*load, dict(type='LoadShapeAttributes'), pack]))
test_dataloader = val_dataloader
val_evaluator = dict(type='mmseg.IoUMetric')  # of the kinds
test_evaluator = val_evaluator

optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0., begin=0, end=max_epochs, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
default_hooks = dict(checkpoint=dict(save_best=None))
visualizer = dict(type='mmseg.SegLocalVisualizer')
