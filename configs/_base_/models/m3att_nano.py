# M3Att small enough to learn on a CPU core; its config adds the words (text_encoder.vocab).
_base_ = ['./m3att_swinb.py', './swin_nano.py']

norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    # "the second smallest red star in the bottom left corner" has 10 words, and there are two boundaries.
    text_encoder=dict(
        _delete_=True, type='RNNEncoder', cell='lstm', embed_dims=64, hidden_dims=64, boundaries=True),
    backbone=dict(_delete_=True, type='StemSwin', out_indices=(0, 1, 2, 3), **_base_.nano_swin),
    fusion=dict(
        in_channels=[32, 64, 128, 256],
        text_channels=128,
        feature_size=(12, 12),  # stride 8
        channels=64,
        num_heads=4,
        feedforward_channels=64,
        dropout=0.,
        norm_cfg=norm_cfg),
    decoder=dict(in_channels=64, max_words=20, channels=32, num_heads=4, dropout=0., norm_cfg=norm_cfg),
    # Dice beside the published cross entropy: few pixels are of a shape.
    decode_head=dict(
        in_channels=32, loss_decode=[dict(type='RefCrossEntropyLoss'), dict(type='RefDiceLoss')]),
    auxiliary_head=dict(query_channels=64, text_channels=128, channels=64, norm_cfg=norm_cfg))
