# M3Att as published. The words and their vectors:
#   python tools/dataset_converters/build_vocab.py data/refcoco data/refcoco/vocab.txt
#   https://nlp.stanford.edu/projects/glove, unpacked, at data/glove/
_base_ = [
    '../_base_/models/m3att_darknet53.py', '../_base_/datasets/refcoco_416.py',
    '../_base_/schedules/schedule_m3att_50e.py', '../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(vocab='data/refcoco/vocab.txt', glove='data/glove/glove.840B.300d.txt'))
train_dataloader = dict(batch_size=12)
