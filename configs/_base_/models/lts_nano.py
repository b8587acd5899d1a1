# LTS small enough to learn on a CPU core; its config adds the words (text_encoder.vocab).
_base_ = ['./lts_swinb.py', './swin_nano.py']

model = dict(
    text_encoder=dict(_delete_=True, type='RNNEncoder', embed_dims=64, hidden_dims=64, boundaries=True),
    backbone=dict(_delete_=True, type='StemSwin', **_base_.nano_swin_3),
    fusion=dict(in_channels=[32, 64, 128], text_channels=128, channels=64),
    decoder=dict(in_channels=64, channels=32, out_channels=32, dilations=(1, 2, 3, 4)),
    decode_head=dict(
        in_channels=32, loss_decode=[dict(type='RefCrossEntropyLoss'), dict(type='RefDiceLoss')]))
