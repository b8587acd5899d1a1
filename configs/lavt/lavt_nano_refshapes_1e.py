# What the quickstart trains: 3,400 images once, 850 steps from the pre-trained nano Swin, minutes on two cores.
_base_ = './lavt_nano_refshapes.py'
max_epochs = 1
# Less the finest level's: one epoch is better, and faster, without.
model = dict(auxiliary_head=_base_.model.auxiliary_head[1:])
# So few steps reach more at a higher rate, with squares of the gradients that are forgotten sooner.
optim_wrapper = dict(optimizer=dict(lr=2.5e-3, betas=(0.9, 0.98)))
train_dataloader = dict(dataset=dict(indices=3400))
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
