# RefCOCO fitted into 448x448 and filled up with CLIP's mean, evaluated as by CRIS: at the images' own sizes.
_base_ = './refcoco.py'

input_size = (448, 448)
letterbox = dict(type='Letterbox', scale=input_size)
train_pipeline = [_base_.load_image, _base_.load_test_masks, letterbox, _base_.pack]
test_pipeline = [_base_.load_image, letterbox, _base_.load_test_masks, _base_.pack]
train_dataloader = dict(dataset=dict(text_field='sent', pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(text_field='sent', pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(protocol='cris')
test_evaluator = val_evaluator
