# python tools/dataset_converters/build_vocab.py data/refcoco data/refcoco/vocab.txt
_base_ = [
    '../_base_/models/lts_darknet53.py', '../_base_/datasets/refcoco.py',
    '../_base_/schedules/schedule_adam_45e.py', '../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(vocab='data/refcoco/vocab.txt'))
input_size = (416, 416)
_base_.train_pipeline[1].scale = input_size
_base_.test_pipeline[1].scale = input_size
train_dataloader = dict(batch_size=9, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(protocol='lts')
test_evaluator = val_evaluator
