# What the quickstart trains.
_base_ = [
    '../_base_/models/lavt_nano.py', '../_base_/datasets/refshapes.py', '../_base_/vocabs/refshapes.py',
    '../_base_/schedules/schedule_40e.py', '../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(vocab=_base_.refshapes_vocab))
max_epochs = 10
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = dict(end=max_epochs)
train_cfg = dict(max_epochs=max_epochs)
randomness = dict(seed=0)
