# LTS' recipe: 45 epochs, batch 18 (2 GPUs x 9), Adam, a tenth of the rate after epoch 30.
max_epochs = 45
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = dict(type='MultiStepLR', milestones=[30], gamma=0.1, begin=0, end=max_epochs, by_epoch=True)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=18)
