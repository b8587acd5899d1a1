# M3Att as published. The words and their vectors:
#   python tools/dataset_converters/build_vocab.py data/refcoco data/refcoco/vocab.txt
#   https://nlp.stanford.edu/projects/glove, unpacked, at data/glove/
_base_ = [
    '../_base_/models/m3att_darknet53.py', '../_base_/datasets/refcoco.py',
    '../_base_/schedules/schedule_m3att_50e.py', '../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(vocab='data/refcoco/vocab.txt', glove='data/glove/glove.840B.300d.txt'))
input_size = (416, 416)
_base_.train_pipeline[1].scale = input_size
_base_.test_pipeline[1].scale = input_size
train_dataloader = dict(batch_size=12, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
