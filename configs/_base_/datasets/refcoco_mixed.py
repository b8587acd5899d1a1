# Beside any config for RefCOCO: RefCOCO, RefCOCO+ and RefCOCOg (UMD) as one training set, without the images that any
# of them validates or tests on. A config says
#   train_dataloader = dict(dataset=dict(
#       _delete_=True, type='MixedRefDataset', datasets=_base_.mixed_sets, common=_base_.train_dataloader.dataset))
mixed_sets = [
    dict(type='RefCOCODataset', split_by='unc'),
    dict(type='RefCOCOPlusDataset', split_by='unc'),
    dict(type='RefCOCOgDataset', split_by='umd')
]
# What one call of test.py tests: eight columns.
test_sets = [
    dict(name='RefCOCO', dataset=dict(type='RefCOCODataset', split_by='unc'), splits=['val', 'testA', 'testB']),
    dict(name='RefCOCO+', dataset=dict(type='RefCOCOPlusDataset', split_by='unc'), splits=['val', 'testA', 'testB']),
    dict(name='RefCOCOg', dataset=dict(type='RefCOCOgDataset', split_by='umd'), splits=['val', 'test'])
]
