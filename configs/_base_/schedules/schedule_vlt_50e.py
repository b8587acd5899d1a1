# VLT's recipe: 50 epochs, batch 128 (8 GPUs x 16), Adam, a tenth of the learning rate from the 40th, the 45th and the
# 50th epoch on. The release's weight decay is left out: 5e-4 beside a loss summed over a mask of 43,264 pixels is
# nothing beside their mean.
max_epochs = 50
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = dict(type='MultiStepLR', milestones=[39, 44, 49], gamma=0.1, begin=0, end=max_epochs, by_epoch=True)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=128)
