# LAVT's recipe, which SADLR and S2RM share: 40 epochs, batch 32 (8 GPUs x 4), AdamW, (1 - s/T)^0.9.
max_epochs = 40
# As in the release only the backbone's norms and position biases are not decayed: the decoder's batch norms and BERT's
# layer norms are. What is named below keeps its decay whatever it is; a name ends with a dot where it begins another.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-5, weight_decay=1e-2),
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        custom_keys={
            'relative_position_bias_table': dict(decay_mult=0.),
            'absolute_pos_embed': dict(decay_mult=0.),
            'text_encoder.': dict(decay_mult=1.),
            'fusion.': dict(decay_mult=1.),
            'neck.': dict(decay_mult=1.),
            'decoder.': dict(decay_mult=1.),
            'decode_head.': dict(decay_mult=1.),
            'existence_head.': dict(decay_mult=1.),
            'auxiliary_head.': dict(decay_mult=1.)
        }))
param_scheduler = dict(
    type='ReleasePolyLR',
    power=0.9,
    eta_min=0.,
    begin=0,
    end=max_epochs,
    by_epoch=True,
    convert_to_iter_based=True)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=32)
