# S2RM and CASG on mmseg's ResNet-18.
_base_ = '../s2rm/s2rm-casg_swint_refcoco.py'

in_channels = [64, 128, 256, 512]
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNetV1c',
        depth=18,
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet18_v1c')),
    fusion=dict(in_channels=in_channels),
    decoder=dict(in_channels=in_channels),
    decode_head=dict(in_channels=64))
