# RefCOCO, RefCOCO+ and RefCOCOg (UMD) as one training set, without the pictures that any of them validates or tests on.
# Validation is RefCOCO's; for the test splits of the others take their configs with the mixed weights.
_base_ = './refcoco.py'

part = dict(data_root=_base_.data_root, split='train', sample_by='ref', pipeline=_base_.train_pipeline)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MixedRefDataset',
        datasets=[
            dict(part, type='RefCOCODataset'),
            dict(part, type='RefCOCOPlusDataset'),
            dict(part, type='RefCOCOgDataset', split_by='umd')
        ]))
