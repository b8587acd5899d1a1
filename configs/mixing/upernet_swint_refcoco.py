# mmseg's UPerNet with Swin-T, made to refer: PWAM after the backbone, UPerHead as it is.
_base_ = [
    'mmseg::_base_/models/upernet_swin.py', '../_base_/datasets/refcoco.py',
    '../_base_/schedules/schedule_40e.py', '../_base_/default_runtime.py'
]
model = dict(
    _scope_='mmrefseg',  # what comes from mmseg:: keeps its own scope
    type='RefSegmentor',
    data_preprocessor=dict(size_divisor=1),
    pretrained='https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/swin/'
    'swin_tiny_patch4_window7_224_20220317-1cdeb081.pth',
    text_encoder=dict(type='BERTEncoder', pretrained='bert-base-uncased', trainable_layers=10),
    fusion=dict(type='PWAMFusion', in_channels=[96, 192, 384, 768], text_channels=768),
    decode_head=dict(num_classes=2),
    auxiliary_head=dict(num_classes=2))
