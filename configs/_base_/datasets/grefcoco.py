# gRefCOCO (UNC split): train, val, testA, testB; expressions for one object, several or none.
_base_ = './refcoco.py'

dataset_type = 'GRefCOCODataset'
train_dataloader = dict(dataset=dict(type=dataset_type))
val_dataloader = dict(dataset=dict(type=dataset_type))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='GRefMetric')
test_evaluator = val_evaluator
