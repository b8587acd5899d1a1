# LAVT small enough to learn RefShapes from nothing on two CPU cores in minutes.
_base_ = [
    '../_base_/models/lavt_swint.py', '../_base_/datasets/refshapes.py', '../_base_/vocabs/refshapes.py',
    '../_base_/schedules/schedule_40e.py', '../_base_/default_runtime.py'
]
model = dict(
    text_encoder=dict(
        _delete_=True, type='RNNEncoder', vocab=_base_.refshapes_vocab, embed_dims=64, hidden_dims=64),
    backbone=dict(
        embed_dims=32,
        depths=[1, 1, 2, 1],
        num_heads=[2, 4, 8, 16],
        window_size=4,
        drop_path_rate=0.,
        text_channels=128,
        # Swin knows no place of its own, and "leftmost" must be learned from a few thousand pictures.
        use_abs_pos_embed=True,
        pretrain_img_size=128,
        init_cfg=None),
    decoder=dict(in_channels=[32, 64, 128, 256], channels=64),
    decode_head=dict(
        in_channels=64,
        loss_decode=[dict(type='CrossEntropyLoss', avg_non_ignore=True), dict(type='RefDiceLoss')]))
max_epochs = 10
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = dict(end=max_epochs)
train_cfg = dict(max_epochs=max_epochs)
randomness = dict(seed=0)
