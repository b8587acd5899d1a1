# RefCOCOg (UMD split) for models without training.
_base_ = './refcoco_own-size.py'

dataset_type = 'RefCOCOgDataset'
test_dataloader = dict(dataset=dict(type=dataset_type, split_by='umd'))
