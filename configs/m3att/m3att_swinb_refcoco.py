_base_ = [
    '../_base_/models/m3att_swinb.py', '../_base_/datasets/refcoco.py',
    '../_base_/schedules/schedule_m3att_50e.py', '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=12)
