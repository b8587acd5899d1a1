_base_ = [
    '../_base_/models/cris_r101.py', '../_base_/datasets/refcoco_letterbox_416.py',
    '../_base_/schedules/schedule_cris_50e.py', '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=8)
default_hooks = dict(checkpoint=dict(save_best='mIoU'))
