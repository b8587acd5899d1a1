# DETRIS' recipe with DINOv2-B: 65 epochs, batch 32, Adam at one rate, a tenth of it from the 36th and again from the
# 56th epoch on.
max_epochs = 65
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = dict(type='MultiStepLR', milestones=[35, 55], gamma=0.1, begin=0, end=max_epochs, by_epoch=True)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=32)
