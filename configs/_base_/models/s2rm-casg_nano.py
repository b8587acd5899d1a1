# S2RM and CASG small enough to train from nothing on a CPU; its config adds the words (text_encoder.vocab).
_base_ = './s2rm-casg_swint.py'

in_channels = [32, 64, 128]
model = dict(
    text_encoder=dict(
        _delete_=True, type='RNNEncoder', embed_dims=64, hidden_dims=64, boundaries=True, sentence='mean'),
    backbone=dict(
        type='StemSwin',
        stem=dict(type='ConvStem', dilations=[1, 2, 1]),
        embed_dims=32,
        # Fusion is late, so its level is a fine one: of 96 pixels it keeps 12 cells, where stride 32 would leave 3.
        depths=[1, 1, 2],
        strides=(4, 2, 1),
        num_heads=[2, 4, 8],
        out_indices=(0, 1, 2),
        window_size=4,
        drop_path_rate=0.,
        use_abs_pos_embed=True,
        pretrain_img_size=96,
        init_cfg=None),
    fusion=dict(in_channels=in_channels, text_channels=128, feature_size=(12, 12)),
    decoder=dict(in_channels=in_channels, text_channels=128, num_convs=1),
    decode_head=dict(
        in_channels=32,
        loss_decode=[dict(type='RefCrossEntropyLoss'), dict(type='RefDiceLoss')]))
