# ReLA's recipe: 150,000 steps of batch 48 (8 GPUs x 6), AdamW, a tenth of the rate after 110,000 and 140,000. gRefCOCO
# has 209,344 expressions to train with, 4,362 steps an epoch: 34 epochs, a tenth after the 25th and the 32nd.
# No decay of norms (but BERT's), embeddings and relative positions. Half precision: --amp.
max_epochs = 34
plain = dict(decay_mult=0.)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-5, weight_decay=0.05),
    clip_grad=dict(max_norm=0.01),
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        custom_keys={
            'relative_position_bias_table': plain,
            'decode_head.regions': plain,
            'decode_head.region_positions': plain,
            'decode_head.level_embedding': plain,
            'text_encoder.model': dict(decay_mult=1.)
        }))
param_scheduler = dict(type='MultiStepLR', milestones=[25, 32], gamma=0.1, begin=0, end=max_epochs, by_epoch=True)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=48)
