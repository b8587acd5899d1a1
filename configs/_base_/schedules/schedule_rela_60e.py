# ReLA's recipe on RefCOCO: ten times the rate; 150,000 steps are 60 epochs of its 120,624 expressions.
_base_ = './schedule_rela_34e.py'

max_epochs = 60
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = dict(milestones=[44, 56], end=max_epochs)
train_cfg = dict(max_epochs=max_epochs)
