# RefCOCO+ (UNC split) at 512x512.
_base_ = './refcoco_512.py'

dataset_type = 'RefCOCOPlusDataset'
train_dataloader = dict(dataset=dict(type=dataset_type))
val_dataloader = dict(dataset=dict(type=dataset_type))
test_dataloader = val_dataloader
