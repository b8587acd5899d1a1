#   python tools/dataset_converters/build_vocab.py data/refcoco+ data/refcoco+/vocab.txt --text-field sent
_base_ = './vlt_darknet53_refcoco.py'

dataset_type = 'RefCOCOPlusDataset'
model = dict(text_encoder=dict(vocab='data/refcoco+/vocab.txt'))
train_dataloader = dict(dataset=dict(type=dataset_type))
val_dataloader = dict(dataset=dict(type=dataset_type))
test_dataloader = val_dataloader
