# CARIS' recipe: 50 epochs, batch 16 (8 GPUs x 2), AdamW, both encoders at a tenth of the rate, no decay of norms,
# embeddings, prompts and relative positions; 1500 steps of warm-up, then poly. Half precision: --amp.
max_epochs = 50
slow, slow_plain, plain = dict(lr_mult=0.1), dict(lr_mult=0.1, decay_mult=0.), dict(decay_mult=0.)
# mmengine applies the longest name that fits, and that alone.
custom_keys = {
    'backbone': slow,
    'backbone.patch_embed.norm': slow_plain,
    'backbone.norm': slow_plain,
    'relative_position_bias_table': slow_plain,
    'text_encoder.model': slow,
    'text_encoder.model.embeddings': slow_plain,
    'text_encoder.prompts.prompts': plain,
    'fusion.visual_prompts': plain,
    'fusion.levels.level_embedding': plain,
}
custom_keys.update({
    f'backbone.stages.{stage}.blocks.{block}.norm': slow_plain
    for stage, blocks in enumerate((2, 2, 18, 2)) for block in range(blocks)})
custom_keys.update({f'backbone.stages.{stage}.downsample.norm': slow_plain for stage in range(3)})
custom_keys.update({
    f'text_encoder.model.encoder.layer.{layer}.{part}.LayerNorm': slow_plain
    for layer in range(12) for part in ('attention.output', 'output')})
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=1e-2),
    clip_grad=dict(max_norm=1.),
    paramwise_cfg=dict(norm_decay_mult=0., custom_keys=custom_keys))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, begin=0, end=1500, by_epoch=False),
    dict(
        type='PolyLR', power=0.9, eta_min=0., begin=0, end=max_epochs, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=16)
