# RefCOCO, RefCOCO+ and RefCOCOg (UMD) as one training set, without the images that any of them validates or tests on.
_base_ = './caris_swinb_refcoco.py'
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
