# ReferIt (Berkeley partition): train, val, test. The UNC partition (train, val, testA, testB, testC) is
# split_by='unc'.
_base_ = './refcoco.py'

dataset_type = 'ReferItDataset'
train_dataloader = dict(dataset=dict(type=dataset_type, split_by='berkeley'))
val_dataloader = dict(dataset=dict(type=dataset_type, split_by='berkeley'))
test_dataloader = val_dataloader
val_evaluator = dict(length_groups='referit')
test_evaluator = val_evaluator
