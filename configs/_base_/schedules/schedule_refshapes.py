# On RefShapes from the pre-trained nano Swin: 3 epochs of 1,100 steps with a warm-up, down to zero.
_base_ = './schedule_40e.py'

max_epochs = 3
# No norm is decayed, whatever part it is in.
optim_wrapper = dict(
    optimizer=dict(lr=1.5e-3, fused=True),
    paramwise_cfg=dict(
        _delete_=True, norm_decay_mult=0., custom_keys=dict(relative_position_bias_table=dict(decay_mult=0.))),
    clip_grad=dict(max_norm=1.))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(
        type='PolyLR', power=0.9, eta_min=0., begin=0, end=max_epochs, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
randomness = dict(seed=0)
auto_scale_lr = dict(base_batch_size=4)
