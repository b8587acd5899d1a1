#   python tools/dataset_converters/build_vocab.py data/refcocog data/refcocog/vocab_google.txt --split-by google
_base_ = './m3att_darknet53_refcoco.py'

dataset_type = 'RefCOCOgDataset'
model = dict(text_encoder=dict(vocab='data/refcocog/vocab_google.txt', max_length=20), decoder=dict(max_words=20))
train_dataloader = dict(dataset=dict(type=dataset_type, split_by='google'))
val_dataloader = dict(dataset=dict(type=dataset_type, split_by='google'))
test_dataloader = val_dataloader
