# The nano model on real pictures: to try out data in the refer format where there is no GPU and no hub.
#   python tools/dataset_converters/build_vocab.py data/refcoco data/refcoco/vocab.txt
_base_ = [
    '../_base_/models/lavt_nano.py', '../_base_/datasets/refcoco.py', '../_base_/schedules/schedule_40e.py',
    '../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(vocab='data/refcoco/vocab.txt'), backbone=dict(pretrain_img_size=192))
input_size = (192, 192)
_base_.train_pipeline[1].scale = input_size
_base_.test_pipeline[1].scale = input_size
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=1e-3))
