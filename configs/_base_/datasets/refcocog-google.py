# RefCOCOg (Google split): train, val; there is no public test split.
_base_ = './refcoco.py'

dataset_type = 'RefCOCOgDataset'
train_dataloader = dict(dataset=dict(type=dataset_type, split_by='google'))
val_dataloader = dict(dataset=dict(type=dataset_type, split_by='google'))
test_dataloader = val_dataloader
