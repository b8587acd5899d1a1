# Generalized RefShapes: make_refshapes.py data/generalized --variants grefshapes (docs/en/generalized.md).
_base_ = './refshapes.py'

dataset_type = 'GRefShapesDataset'
data_root = 'data/generalized/'
# Four pictures with an expression of each of their refs: about 20 expressions a step.
train_dataloader = dict(batch_size=4, dataset=dict(type=dataset_type, data_root=data_root))
val_dataloader = dict(dataset=dict(type=dataset_type, data_root=data_root))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='GRefMetric')
test_evaluator = val_evaluator
