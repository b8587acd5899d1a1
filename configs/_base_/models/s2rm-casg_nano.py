# S2RM and CASG small enough to learn on a CPU core; its config adds the words (text_encoder.vocab).
_base_ = ['./s2rm-casg_swint.py', './swin_nano.py']

in_channels = [32, 64, 128]
model = dict(
    text_encoder=dict(
        _delete_=True, type='RNNEncoder', embed_dims=64, hidden_dims=64, boundaries=True, sentence='mean'),
    backbone=dict(type='StemSwin', **_base_.nano_swin_fine),
    fusion=dict(in_channels=in_channels, text_channels=128, feature_size=(12, 12)),
    decoder=dict(in_channels=in_channels, text_channels=128, num_convs=1),
    auxiliary_head=dict(_base_.nano_auxiliary, in_channels=128, in_index=2, channels=128),
    decode_head=dict(
        in_channels=32,
        sub_pixel=dict(channels=16, scale=2),
        loss_decode=[dict(type='RefCrossEntropyLoss'), dict(type='RefDiceLoss')]))
