# M3Att's recipe: 50 epochs, batch 48 (4 GPUs x 12), Adam with step decay.
max_epochs = 50
optim_wrapper = dict(
    type='OptimWrapper',
    # 0.005 is the paper's, and unusual for Adam: see configs/m3att/README.md.
    # The paper names no other rate for what is pre-trained; at 0.005 nothing would be left of Swin or BERT, so these
    # learn at the 5e-5 of LAVT.
    optimizer=dict(type='Adam', lr=5e-3),
    paramwise_cfg=dict(
        custom_keys={'backbone': dict(lr_mult=0.01), 'text_encoder.model': dict(lr_mult=0.01)}))
# The paper names neither steps nor factor: those of VLT's released code, a tenth from the 40th, 45th and 50th epoch on.
param_scheduler = dict(type='MultiStepLR', milestones=[39, 44, 49], gamma=0.1, begin=0, end=max_epochs, by_epoch=True)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=48)
