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
    # A mask of each fused map, in training alone: words find their pixels in half the steps.
    auxiliary_head=[
        dict(
            type='FCNHead', in_channels=channels, in_index=level, channels=channels, num_convs=0, concat_input=False,
            num_classes=2, norm_cfg=dict(type='BN'), dropout_ratio=0.,
            loss_decode=dict(type='RefDiceLoss', loss_weight=0.4))
        for level, channels in enumerate((32, 64, 128))
    ])
