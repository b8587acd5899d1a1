# DETRIS-L as tuned on mixed data sets, with wider and more adapters. Unlike the authors' mix this one leaves out images
# that any of its sets validates or tests on. 17 tokens, as released.
_base_ = [
    '../_base_/models/detris_dinov2l_wide.py', '../_base_/datasets/refcoco_letterbox_448.py',
    '../_base_/schedules/schedule_detris_50e.py', '../_base_/default_runtime.py', '../_base_/datasets/refcoco_mixed.py'
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MixedRefDataset',
        datasets=_base_.mixed_sets,
        common=_base_.train_dataloader.dataset))
default_hooks = dict(checkpoint=dict(save_best='mIoU'))
