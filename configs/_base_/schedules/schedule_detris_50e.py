# DETRIS' recipe with DINOv2-L: 50 epochs, a tenth of the learning rate from the 36th on.
_base_ = './schedule_detris_65e.py'

max_epochs = 50
param_scheduler = dict(milestones=[35], end=max_epochs)
train_cfg = dict(max_epochs=max_epochs)
