# RefCOCO+ (UNC split) for models without training.
_base_ = './refcoco_own-size.py'

dataset_type = 'RefCOCOPlusDataset'
test_dataloader = dict(dataset=dict(type=dataset_type))
