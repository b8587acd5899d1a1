_base_ = './caris_swinb_refcoco.py'
train_dataloader = dict(dataset=dict(type='RefCOCOPlusDataset'))
val_dataloader = dict(dataset=dict(type='RefCOCOPlusDataset'))
test_dataloader = val_dataloader
