# CMPC small enough to learn on a CPU core; its config adds the words (text_encoder.vocab).
_base_ = './lts_nano.py'

model = dict(
    backbone=dict(_delete_=True, type='StemSwin', out_indices=(1, 2, 3), **_base_.nano_swin),
    fusion=dict(
        _delete_=True,
        type='CMPCFusion',
        in_channels=[64, 128, 256],
        text_channels=128,
        feature_size=(12, 12),
        channels=64,
        out_channels=32),
    decoder=dict(_delete_=True, type='PriorConcat', in_channels=32, with_prior=False),
    # Dice beside the published cross entropy: few pixels are of a shape.
    decode_head=dict(
        kernel_size=3,
        loss_decode=[dict(type='RefCrossEntropyLoss', loss_weight=0.7), dict(type='RefDiceLoss', loss_weight=0.7)]),
    auxiliary_head=dict(
        _delete_=True,
        type='LevelHead',
        level_channels=[32] * 4,
        loss_decode=[dict(type='RefCrossEntropyLoss', loss_weight=0.1), dict(type='RefDiceLoss', loss_weight=0.1)]))
