# CRIS small enough for two CPU cores at 96x96, with the Swin that all nano methods start from in the place of CLIP's
# ResNet; its config adds the words (text_encoder.vocab).
_base_ = ['./cris_r50.py', './swin_nano.py']

norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], size_divisor=1, test_cfg=dict(size_divisor=1)),
    text_encoder=dict(_delete_=True, type='RNNEncoder', embed_dims=64, hidden_dims=64, boundaries=True),
    backbone=dict(_base_.nano_swin_3, _delete_=True, type='StemSwin'),
    fusion=dict(in_channels=[32, 64, 128], text_channels=128, channels=[64, 64, 128], norm_cfg=norm_cfg),
    decoder=dict(
        in_channels=64,
        text_channels=128,
        num_layers=2,
        num_heads=4,
        feedforward_channels=128,
        dropout=0.,
        upsample_channels=[64, 32],
        norm_cfg=norm_cfg),
    # Dice beside the published cross entropy: few pixels are of a shape.
    decode_head=dict(
        in_channels=32,
        text_channels=128,
        loss_decode=[dict(type='RefCrossEntropyLoss'), dict(type='RefDiceLoss')]),
    auxiliary_head=dict(_base_.nano_auxiliary, in_channels=64, in_index=0, channels=64),
    test_cfg=dict(eval_size='input', threshold=0.5, interpolation='bilinear'))
