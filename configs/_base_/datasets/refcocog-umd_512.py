# RefCOCOg (UMD split) at 512x512.
_base_ = './refcoco_512.py'

dataset_type = 'RefCOCOgDataset'
train_dataloader = dict(dataset=dict(type=dataset_type, split_by='umd'))
val_dataloader = dict(dataset=dict(type=dataset_type, split_by='umd'))
test_dataloader = val_dataloader
