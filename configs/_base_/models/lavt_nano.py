# LAVT small enough to learn from nothing on two CPU cores; its config adds the words (text_encoder.vocab).
_base_ = './lavt_swint.py'

model = dict(
    text_encoder=dict(_delete_=True, type='RNNEncoder', embed_dims=64, hidden_dims=64, boundaries=True),
    backbone=dict(
        embed_dims=32,
        stem=dict(type='ConvStem', dilations=[1, 2, 1]),
        depths=[1, 1, 1, 1],
        num_heads=[2, 4, 8, 16],
        window_size=4,
        drop_path_rate=0.,
        text_channels=128,
        fusion_heads=4,
        # Swin knows no place of its own, and "leftmost" must be learned from a few thousand pictures.
        use_abs_pos_embed=True,
        pretrain_img_size=96,
        init_cfg=None),
    decoder=dict(in_channels=[32, 64, 128, 256], channels=32, he_init=True),
    decode_head=dict(
        in_channels=32,
        loss_decode=[dict(type='RefCrossEntropyLoss'), dict(type='RefDiceLoss')]))
