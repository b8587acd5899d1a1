# gRefCOCO (UNC split) for models without training.
_base_ = './refcoco_own-size.py'

dataset_type = 'GRefCOCODataset'
test_dataloader = dict(dataset=dict(type=dataset_type))
test_evaluator = dict(_delete_=True, type='GRefMetric')
