# DETRIS-L as tuned on mixed data sets, with wider and more adapters. Unlike the authors' mix this one leaves out images
# that any of its sets validates or tests on. 17 tokens, as released.
_base_ = [
    '../_base_/models/detris_dinov2l_wide.py', '../_base_/datasets/refcoco_letterbox_448.py',
    '../_base_/schedules/schedule_detris_50e.py', '../_base_/default_runtime.py'
]
part = dict(
    data_root=_base_.data_root, split='train', sample_by='ref', text_field='sent', pipeline=_base_.train_pipeline)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MixedRefDataset',
        datasets=[
            dict(part, type='RefCOCODataset'),
            dict(part, type='RefCOCOPlusDataset'),
            dict(part, type='RefCOCOgDataset', split_by='umd')
        ]))
default_hooks = dict(checkpoint=dict(save_best='mIoU'))
