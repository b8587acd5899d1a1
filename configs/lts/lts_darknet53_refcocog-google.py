# python tools/dataset_converters/build_vocab.py data/refcocog data/refcocog/vocab-google.txt --split-by google
_base_ = './lts_darknet53_refcoco.py'

model = dict(text_encoder=dict(vocab='data/refcocog/vocab-google.txt', max_length=20))
dataset_type = 'RefCOCOgDataset'
train_dataloader = dict(dataset=dict(type=dataset_type, split_by='google'))
val_dataloader = dict(dataset=dict(type=dataset_type, split_by='google'))
test_dataloader = val_dataloader
