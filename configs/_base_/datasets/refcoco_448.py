# RefCOCO at 448x448.
_base_ = './refcoco.py'

input_size = (448, 448)
train_resize = dict(_base_.train_resize, scale=input_size)
test_resize = dict(_base_.test_resize, scale=input_size)
train_pipeline = [_base_.load_image, train_resize, _base_.load_train_masks, _base_.pack]
test_pipeline = [_base_.load_image, test_resize, _base_.load_test_masks, _base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
