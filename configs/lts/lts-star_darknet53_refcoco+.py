# python tools/dataset_converters/build_vocab.py data/refcoco+ data/refcoco+/vocab.txt
_base_ = './lts-star_darknet53_refcoco.py'

model = dict(text_encoder=dict(vocab='data/refcoco+/vocab.txt'))
dataset_type = 'RefCOCOPlusDataset'
train_dataloader = dict(dataset=dict(type=dataset_type))
val_dataloader = dict(dataset=dict(type=dataset_type))
test_dataloader = val_dataloader
