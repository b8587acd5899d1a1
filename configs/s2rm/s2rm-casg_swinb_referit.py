_base_ = [
    '../_base_/models/s2rm-casg_swinb.py', '../_base_/datasets/referit.py', '../_base_/pipelines/resize_512.py',
    '../_base_/schedules/schedule_40e.py', '../_base_/default_runtime.py'
]
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline_512))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline_512))
test_dataloader = val_dataloader
