# RRSIS-D (remote sensing): train, val, test, in the refer format.
_base_ = './refcoco.py'

dataset_type = 'ReferDataset'
# Some pictures differ by a few rows or columns from the 800x800 of their annotations: both are resized to the input
# size, so that only protocols that compare there fit.
_base_.train_pipeline[0].check_size = False
_base_.test_pipeline[0].check_size = False
_base_.test_pipeline[2].size = 'input'
own = dict(
    type=dataset_type, ann_dir='rrsisd', split_by='unc', data_prefix=dict(img='images/rrsisd/JPEGImages'))
train_dataloader = dict(dataset=dict(own, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(own, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
