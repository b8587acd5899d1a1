# 150,000 steps are about 90 epochs of its expressions.
_base_ = './rela_swinb_refcoco.py'
max_epochs = 90
param_scheduler = dict(milestones=[66, 84], end=max_epochs)
train_cfg = dict(max_epochs=max_epochs)
train_dataloader = dict(dataset=dict(type='RefCOCOgDataset', split_by='google'))
val_dataloader = dict(dataset=dict(type='RefCOCOgDataset', split_by='google'))
test_dataloader = val_dataloader
