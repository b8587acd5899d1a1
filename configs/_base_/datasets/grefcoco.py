# gRefCOCO (UNC split): train, val, testA, testB; expressions for one object, several or none.
_base_ = './refcoco.py'

dataset_type = 'GRefCOCODataset'
train_dataloader = dict(dataset=dict(type=dataset_type))
val_dataloader = dict(dataset=dict(type=dataset_type))
test_dataloader = val_dataloader
# An empty mask says "no such object"; rule='min_pixels' is GRES' for methods without an output for it, rule='rela' asks
# the classifier, as ReLA's code does (docs/en/metrics.md).
val_evaluator = dict(_delete_=True, type='GRefMetric', rule='mask')
test_evaluator = val_evaluator
