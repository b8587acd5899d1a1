# Table IV, "S2RM (Full)", and Table VII, "S2RM + FPN".
_base_ = '../s2rm-casg_swint_refcoco.py'
model = dict(
    decoder=dict(
        _delete_=True, type='FPNDecoder', in_channels=[96, 192, 384, 768], channels=256, norm_cfg=_base_.norm_cfg),
    decode_head=dict(in_channels=256))
