# VLT small enough to learn on a CPU core; its config adds the words (text_encoder.vocab).
_base_ = ['./vlt_swinb.py', './swin_nano.py']

feature_size = (12, 12)  # stride 8
model = dict(
    text_encoder=dict(_delete_=True, type='RNNEncoder', embed_dims=64, hidden_dims=64, boundaries=True),
    backbone=dict(_delete_=True, type='StemSwin', **_base_.nano_swin_3),
    fusion=dict(
        in_channels=[32, 64, 128],
        text_channels=128,
        feature_size=feature_size,
        channels=64,
        num_heads=4,
        feedforward_channels=64,
        dropout=0.),
    # The encoder's map beside the responses: from them alone a place on the map takes far longer to learn.
    decoder=dict(in_channels=64, feature_size=feature_size, channels=[[64, 64, 64], [64], [32]], map_channels=64),
    auxiliary_head=dict(_base_.nano_auxiliary, in_channels=64, in_index=0, channels=64),
    decode_head=dict(
        in_channels=32, loss_decode=[dict(type='RefCrossEntropyLoss'), dict(type='RefDiceLoss')]))
