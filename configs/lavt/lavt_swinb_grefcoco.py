# LAVT on gRefCOCO, with an output for "no such object"; trained as LAVT. No paper has exactly this model.
_base_ = [
    '../_base_/models/lavt_swinb.py', '../_base_/datasets/grefcoco.py',
    '../_base_/schedules/schedule_40e.py', '../_base_/default_runtime.py'
]
model = dict(existence_head=dict(type='ExistenceHead', in_channels=512, text_channels=768))
default_hooks = dict(checkpoint=dict(save_best='gIoU'))
