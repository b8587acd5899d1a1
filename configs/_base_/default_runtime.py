default_scope = 'mmrefseg'
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl', timeout=600))  # seconds that processes wait for one that died or hangs
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # Two are kept: the newest may be torn by a crash of the machine.
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2, save_best='oIoU', rule='greater'),
    checkpoint_fit=dict(type='mmrefseg.CheckpointFitHook'),
    finite_loss=dict(type='mmrefseg.FiniteLossHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'))
custom_hooks = [dict(type='EpochSeedHook')]
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='RefLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_processor = dict(by_epoch=True)
log_level = 'INFO'
load_from = None
resume = False
