# CMPC's recipe: 700,000 steps of one sentence, which are 5.8 epochs of RefCOCO's 120,624, with Adam. The release's rate
# falls towards 1e-5 after 800,000 steps; here it ends where that one was stopped. Its weight decay is left out: 5e-4
# beside a loss summed over 102,400 pixels is nothing beside their mean.
max_epochs = 6
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2.5e-4))
param_scheduler = dict(
    type='PolyLR', power=0.9, eta_min=4.7e-5, begin=0, end=max_epochs, by_epoch=True, convert_to_iter_based=True)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=1)
