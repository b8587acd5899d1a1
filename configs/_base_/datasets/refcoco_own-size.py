# RefCOCO (UNC split) for models without training: images and masks at their own size, compared at it; nothing to train.
_base_ = './refcoco.py'

test_pipeline = [_base_.load_image, _base_.load_test_masks, _base_.pack]
train_dataloader = None
val_dataloader = None
val_evaluator = None
test_dataloader = dict(_base_.test_dataloader, dataset=dict(_base_.test_dataloader.dataset, pipeline=test_pipeline))
test_evaluator = dict(type='RefIoUMetric', protocol='cris')
test_cfg = dict(type='TestLoop')
