# LAVT that says "no such object" too, on generalized RefShapes, from the pre-trained nano Swin.
_base_ = [
    '../_base_/models/lavt_nano.py', '../_base_/datasets/grefshapes.py', '../_base_/vocabs/grefshapes.py',
    '../_base_/schedules/schedule_grefshapes.py', '../_base_/default_runtime.py'
]
model = dict(
    text_encoder=dict(vocab=_base_.grefshapes_vocab),
    existence_head=dict(type='ExistenceHead', in_channels=32, text_channels=128, channels=128, loss_weight=1.))
default_hooks = dict(checkpoint=dict(save_best='gIoU'))
