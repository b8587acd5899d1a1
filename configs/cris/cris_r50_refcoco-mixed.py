_base_ = ['./cris_r50_refcoco.py', '../_base_/datasets/refcoco_mixed.py']
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MixedRefDataset',
        datasets=_base_.mixed_sets,
        common=_base_.train_dataloader.dataset))
