# Longer expressions: 22 tokens.
_base_ = './cris_r101_refcoco.py'

model = dict(text_encoder=dict(max_length=22))
dataset_type = 'RefCOCOgDataset'
train_dataloader = dict(dataset=dict(type=dataset_type, split_by='google'))
val_dataloader = dict(dataset=dict(type=dataset_type, split_by='google'))
test_dataloader = val_dataloader
