# LAVT small enough to learn on a CPU core; its config adds the words (text_encoder.vocab).
_base_ = ['./lavt_swint.py', './swin_nano.py']

model = dict(
    text_encoder=dict(_delete_=True, type='RNNEncoder', embed_dims=64, hidden_dims=64, boundaries=True),
    backbone=dict(_delete_=True, type='LAVTSwin', text_channels=128, fusion_heads=4, **_base_.nano_swin),
    decoder=dict(in_channels=[32, 64, 128, 256], channels=32, he_init=True),
    decode_head=dict(
        in_channels=32,
        sub_pixel=dict(channels=16, scale=2),  # a shape has straight edges, and a cell of stride 4 is a fifth of one
        loss_decode=[dict(type='RefCrossEntropyLoss'), dict(type='RefDiceLoss')]),
    auxiliary_head=[
        dict(_base_.nano_auxiliary, in_channels=32, in_index=0, channels=32),
        dict(_base_.nano_auxiliary, in_channels=64, in_index=1, channels=64),
        dict(_base_.nano_auxiliary, in_channels=128, in_index=2, channels=128)
    ])
