# Table VII, "ACM + FPN".
_base_ = './acm-casg_swint_refcoco.py'
model = dict(
    decoder=dict(
        _delete_=True, type='FPNDecoder', in_channels=[96, 192, 384, 768], channels=256, norm_cfg=_base_.norm_cfg),
    decode_head=dict(in_channels=256))
