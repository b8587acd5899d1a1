_base_ = './caris_swinb_refcoco.py'
train_dataloader = dict(dataset=dict(type='RefCOCOgDataset', split_by='umd'))
val_dataloader = dict(dataset=dict(type='RefCOCOgDataset', split_by='umd'))
test_dataloader = val_dataloader
