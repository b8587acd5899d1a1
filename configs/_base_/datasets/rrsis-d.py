# RRSIS-D (remote sensing): train, val, test, in the refer format.
_base_ = './refcoco.py'

dataset_type = 'ReferDataset'
# Some pictures differ by a few rows or columns from the 800x800 of their annotations: both are resized to the input
# size, so that only protocols that compare there fit.
load_image = dict(_base_.load_image, check_size=False)
train_pipeline = [load_image, _base_.train_resize, _base_.load_train_masks, _base_.pack]
test_pipeline = [load_image, _base_.test_resize, _base_.load_train_masks, _base_.pack]
own = dict(
    type=dataset_type, ann_dir='rrsisd', split_by='unc', data_prefix=dict(img='images/rrsisd/JPEGImages'))
train_dataloader = dict(dataset=dict(own, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(own, pipeline=test_pipeline))
test_dataloader = val_dataloader
