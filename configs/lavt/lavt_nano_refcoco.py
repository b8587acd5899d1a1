# The nano model on real pictures: to try out data in the refer format where there is no GPU and no hub.
#   python tools/dataset_converters/build_vocab.py data/refcoco data/refcoco/vocab.txt
_base_ = [
    '../_base_/models/lavt_nano.py', '../_base_/datasets/refcoco.py', '../_base_/schedules/schedule_40e.py',
    '../_base_/default_runtime.py'
]
input_size = (192, 192)
model = dict(text_encoder=dict(vocab='data/refcoco/vocab.txt'), backbone=dict(pretrain_img_size=192))
train_pipeline = [
    dict(type='LoadRefImage'),
    dict(type='LoadRefAnnotations'),
    dict(type='RefResize', scale=input_size, keep_ratio=False),
    dict(type='PackRefInputs')
]
test_pipeline = [
    dict(type='LoadRefImage'),
    dict(type='RefResize', scale=input_size, keep_ratio=False),
    dict(type='LoadRefAnnotations'),
    dict(type='PackRefInputs')
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=1e-3))
