# mmseg's UPerNet with ResNet-50, made to refer: PWAM after the backbone, UPerHead as it is.
_base_ = [
    'mmseg::_base_/models/upernet_r50.py', '../_base_/datasets/refcoco.py',
    '../_base_/schedules/schedule_40e.py', '../_base_/default_runtime.py'
]
model = dict(
    _scope_='mmrefseg',  # what comes from mmseg:: keeps its own scope
    type='RefSegmentor',
    data_preprocessor=dict(size_divisor=1),
    text_encoder=dict(type='BERTEncoder', pretrained='bert-base-uncased', trainable_layers=10),
    fusion=dict(type='PWAMFusion', in_channels=[256, 512, 1024, 2048], text_channels=768),
    decode_head=dict(num_classes=2),
    auxiliary_head=dict(num_classes=2))
