# Table 6: pictures of 320 x 320.
_base_ = '../lts_darknet53_refcoco.py'

input_size = (320, 320)
train_pipeline = [
    dict(type='LoadRefImage'),
    dict(type='LoadRefAnnotations'),
    dict(type='RefResize', scale=input_size, keep_ratio=False, backend='pillow'),
    dict(type='PackRefInputs')
]
test_pipeline = [
    dict(type='LoadRefImage'),
    dict(type='RefResize', scale=input_size, keep_ratio=False, backend='pillow'),
    dict(type='LoadRefAnnotations'),
    dict(type='PackRefInputs')
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
