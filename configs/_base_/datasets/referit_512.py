# ReferIt (Berkeley partition) at 512x512.
_base_ = './refcoco_512.py'

dataset_type = 'ReferItDataset'
train_dataloader = dict(dataset=dict(type=dataset_type, split_by='berkeley'))
val_dataloader = dict(dataset=dict(type=dataset_type, split_by='berkeley'))
test_dataloader = val_dataloader
val_evaluator = dict(length_groups='referit')
test_evaluator = val_evaluator
