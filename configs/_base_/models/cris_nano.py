# CRIS small enough to learn from nothing on two CPU cores at 96x96; its config adds the words (text_encoder.vocab).
_base_ = './cris_r50.py'

norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    text_encoder=dict(_delete_=True, type='RNNEncoder', embed_dims=64, hidden_dims=64, boundaries=True),
    backbone=dict(
        _delete_=True,
        type='CLIPResNet',
        depth=[1, 1, 1, 1],
        stem_channels=16,
        pool_channels=256,
        grid=3,
        norm_cfg=norm_cfg),
    fusion=dict(
        in_channels=[128, 256, 256], text_channels=128, channels=[64, 64, 128], norm_cfg=norm_cfg),
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
        loss_decode=[dict(type='RefCrossEntropyLoss'), dict(type='RefDiceLoss')]))
