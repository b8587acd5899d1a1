# RefCOCO+ (UNC split; its annotators were asked for no words of place): train, val, testA, testB.
_base_ = './refcoco.py'

dataset_type = 'RefCOCOPlusDataset'
train_dataloader = dict(dataset=dict(type=dataset_type))
val_dataloader = dict(dataset=dict(type=dataset_type))
test_dataloader = val_dataloader
