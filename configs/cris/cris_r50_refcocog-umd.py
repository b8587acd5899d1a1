# Longer expressions: 22 tokens.
_base_ = './cris_r50_refcoco.py'

model = dict(text_encoder=dict(max_length=22))
dataset_type = 'RefCOCOgDataset'
train_dataloader = dict(dataset=dict(type=dataset_type, split_by='umd'))
val_dataloader = dict(dataset=dict(type=dataset_type, split_by='umd'))
test_dataloader = val_dataloader
