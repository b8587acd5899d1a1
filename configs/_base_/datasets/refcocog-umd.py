# RefCOCOg (UMD split): train, val, test.
_base_ = './refcoco.py'

dataset_type = 'RefCOCOgDataset'
train_dataloader = dict(dataset=dict(type=dataset_type, split_by='umd'))
val_dataloader = dict(dataset=dict(type=dataset_type, split_by='umd'))
test_dataloader = val_dataloader
