# python tools/dataset_converters/build_vocab.py data/refcoco data/refcoco/vocab.txt
_base_ = [
    '../_base_/models/lts_darknet53.py', '../_base_/datasets/refcoco_416.py',
    '../_base_/schedules/schedule_adam_45e.py', '../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(vocab='data/refcoco/vocab.txt'))
train_dataloader = dict(batch_size=9)
val_evaluator = dict(protocol='lts')
test_evaluator = val_evaluator
