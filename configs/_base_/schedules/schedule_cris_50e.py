# CRIS' recipe: 50 epochs, batch 64 (8 GPUs x 8), Adam, both towers of CLIP at a tenth of the learning rate but for
# their positions, and all at a tenth of that from the 36th epoch on. (In the released code the towers' rate is the
# whole one for the first epoch, which its config does not say; here it is a tenth from the start.)
max_epochs = 50
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-4),
    paramwise_cfg=dict(
        custom_keys={
            'backbone.': dict(lr_mult=0.1),
            'text_encoder.': dict(lr_mult=0.1),
            'backbone.attnpool.positional_embedding': dict(lr_mult=1.),
            'text_encoder.model.embeddings.position_embedding': dict(lr_mult=1.)
        }))
param_scheduler = dict(type='MultiStepLR', milestones=[35], gamma=0.1, begin=0, end=max_epochs, by_epoch=True)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=64)
