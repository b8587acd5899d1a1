_base_ = [
    '../_base_/models/detris_dinov2b.py', '../_base_/datasets/refcoco_letterbox_448.py',
    '../_base_/schedules/schedule_detris_65e.py', '../_base_/default_runtime.py'
]
default_hooks = dict(checkpoint=dict(save_best='mIoU'))
