_base_ = './cris_r50_refcoco.py'

dataset_type = 'RefCOCOPlusDataset'
train_dataloader = dict(dataset=dict(type=dataset_type))
val_dataloader = dict(dataset=dict(type=dataset_type))
test_dataloader = val_dataloader
