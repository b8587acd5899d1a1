# On generalized RefShapes: 3 epochs of 1,100 steps with a warm-up; for the nano models.
_base_ = './schedule_refshapes.py'

max_epochs = 3
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(
        type='PolyLR', power=0.9, eta_min=0., begin=0, end=max_epochs, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
auto_scale_lr = dict(base_batch_size=4)
