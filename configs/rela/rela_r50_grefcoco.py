_base_ = [
    '../_base_/models/rela_r50.py', '../_base_/datasets/grefcoco.py', '../_base_/schedules/schedule_rela_34e.py',
    '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=6, dataset=dict(sample_by='expression'))
default_hooks = dict(checkpoint=dict(save_best='gIoU'))
