# Table 6: pictures of 320 x 320.
_base_ = '../lts_darknet53_refcoco.py'

input_size = (320, 320)
_base_.train_pipeline[1].scale = input_size
_base_.test_pipeline[1].scale = input_size
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
