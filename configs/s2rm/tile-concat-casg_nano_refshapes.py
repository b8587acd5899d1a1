_base_ = './s2rm-casg_nano_refshapes.py'
model = dict(
    fusion=dict(
        _delete_=True,
        type='TileConcatFusion',
        in_channels=[32, 64, 128],
        text_channels=128,
        norm_cfg=_base_.norm_cfg))
