# Table 6: images of 480 x 480.
_base_ = [
    '../../_base_/models/lts_darknet53.py', '../../_base_/datasets/refcoco.py',
    '../../_base_/schedules/schedule_adam_45e.py', '../../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(vocab='data/refcoco/vocab.txt'))
train_dataloader = dict(batch_size=9)
val_evaluator = dict(protocol='lts')
test_evaluator = val_evaluator
