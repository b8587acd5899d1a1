_base_ = './s2rm-casg_nano_refshapes.py'
model = dict(
    decoder=dict(
        _delete_=True, type='FPNDecoder', in_channels=[32, 64, 128], channels=32, norm_cfg=_base_.norm_cfg))
