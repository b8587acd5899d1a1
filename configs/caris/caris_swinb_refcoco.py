_base_ = [
    '../_base_/models/caris_swinb.py', '../_base_/datasets/refcoco_448.py', '../_base_/schedules/schedule_caris_50e.py',
    '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=2, dataset=dict(text_field='sent'))
val_dataloader = dict(dataset=dict(text_field='sent'))
test_dataloader = val_dataloader
val_evaluator = dict(type='RefIoUMetric', protocol='caris')
test_evaluator = val_evaluator
