# LTS small enough to learn from nothing on two CPU cores; its config adds the words (text_encoder.vocab).
_base_ = './lts_swinb.py'

model = dict(
    text_encoder=dict(_delete_=True, type='RNNEncoder', embed_dims=64, hidden_dims=64, boundaries=True),
    backbone=dict(
        _delete_=True,
        type='StemSwin',
        stem=dict(type='ConvStem', dilations=[1, 2, 1]),
        embed_dims=32,
        depths=[1, 1, 1, 1],
        num_heads=[2, 4, 8, 16],
        window_size=4,
        drop_path_rate=0.,
        use_abs_pos_embed=True,
        pretrain_img_size=96,
        out_indices=(1, 2, 3),
        init_cfg=None),
    fusion=dict(in_channels=[64, 128, 256], text_channels=128, channels=64),
    decoder=dict(in_channels=64, channels=32, out_channels=32, dilations=(1, 2, 3, 4)),
    decode_head=dict(
        in_channels=32, loss_decode=[dict(type='RefCrossEntropyLoss'), dict(type='RefDiceLoss')]))
