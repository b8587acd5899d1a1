# python tools/dataset_converters/build_vocab.py data/refcocog data/refcocog/vocab-umd.txt --split-by umd
_base_ = './lts-star_darknet53_refcoco.py'

model = dict(text_encoder=dict(vocab='data/refcocog/vocab-umd.txt', max_length=20))
dataset_type = 'RefCOCOgDataset'
train_dataloader = dict(dataset=dict(type=dataset_type, split_by='umd'))
val_dataloader = dict(dataset=dict(type=dataset_type, split_by='umd'))
test_dataloader = val_dataloader
