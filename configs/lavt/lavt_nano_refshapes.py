# What the quickstart trains: 1,650 steps, seven minutes on two cores, mIoU 52 on val.
_base_ = [
    '../_base_/models/lavt_nano.py', '../_base_/datasets/refshapes.py', '../_base_/vocabs/refshapes.py',
    '../_base_/schedules/schedule_40e.py', '../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(vocab=_base_.refshapes_vocab))
max_epochs = 3
optim_wrapper = dict(optimizer=dict(lr=1.5e-3, fused=True), clip_grad=dict(max_norm=1.))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(
        type='PolyLR', power=0.9, eta_min=0., begin=0, end=max_epochs, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
randomness = dict(seed=0)
