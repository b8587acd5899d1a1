_base_ = [
    '../_base_/models/rela_r50.py', '../_base_/datasets/refcoco.py', '../_base_/schedules/schedule_rela_60e.py',
    '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=6, dataset=dict(sample_by='expression'))
val_evaluator = dict(type='RefIoUMetric', protocol='rela')
test_evaluator = val_evaluator
