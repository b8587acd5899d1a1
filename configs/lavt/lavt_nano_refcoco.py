# The nano model on real pictures: to try out data in the refer format where there is no GPU and no hub.
#   python tools/dataset_converters/build_vocab.py data/refcoco data/refcoco/vocab.txt
_base_ = [
    '../_base_/models/lavt_nano.py', '../_base_/datasets/refcoco_192.py', '../_base_/schedules/schedule_40e.py',
    '../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(vocab='data/refcoco/vocab.txt'), backbone=dict(pretrain_img_size=192, init_cfg=None))
train_dataloader = dict(batch_size=8)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(base_batch_size=8)
