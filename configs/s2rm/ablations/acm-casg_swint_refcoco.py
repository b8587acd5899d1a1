# Table VII, "ACM + CASG".
_base_ = '../s2rm-casg_swint_refcoco.py'
model = dict(
    fusion=dict(
        _delete_=True,
        type='ACMFusion',
        in_channels=[96, 192, 384, 768],
        text_channels=768,
        norm_cfg=_base_.norm_cfg))
