_base_ = './caris_swinb_refcoco.py'
train_dataloader = dict(dataset=dict(type='RefCOCOgDataset', split_by='google'))
val_dataloader = dict(dataset=dict(type='RefCOCOgDataset', split_by='google'))
test_dataloader = val_dataloader
