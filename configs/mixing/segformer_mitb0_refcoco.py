# mmseg's SegFormer with MiT-B0, made to refer: PWAM after the backbone, SegformerHead as it is.
_base_ = [
    'mmseg::_base_/models/segformer_mit-b0.py', '../_base_/datasets/refcoco.py',
    '../_base_/schedules/schedule_40e.py', '../_base_/default_runtime.py'
]
model = dict(
    _scope_='mmrefseg',  # what comes from mmseg:: keeps its own scope
    type='RefSegmentor',
    data_preprocessor=dict(size_divisor=1),
    pretrained='https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/segformer/mit_b0_20220624-7e0fe6dd.pth',
    text_encoder=dict(type='BERTEncoder', pretrained='bert-base-uncased', trainable_layers=10),
    fusion=dict(type='PWAMFusion', in_channels=[32, 64, 160, 256], text_channels=768),
    decode_head=dict(num_classes=2))
