# "G-Ref". 700,000 steps are 8 epochs of its 85,474 sentences.
#   python tools/dataset_converters/build_vocab.py data/refcocog data/refcocog/vocab_google.txt --split-by google \
#       --text-field sent
_base_ = './cmpc_r101_refcoco.py'

model = dict(text_encoder=dict(vocab='data/refcocog/vocab_google.txt'))
dataset_type = 'RefCOCOgDataset'
train_dataloader = dict(dataset=dict(type=dataset_type, split_by='google'))
val_dataloader = dict(dataset=dict(type=dataset_type, split_by='google'))
test_dataloader = val_dataloader
max_epochs = 8
param_scheduler = dict(end=max_epochs)
train_cfg = dict(max_epochs=max_epochs)
