# ReLA on generalized RefShapes, from the pre-trained nano Swin.
_base_ = [
    '../_base_/models/rela_nano.py', '../_base_/datasets/grefshapes.py', '../_base_/vocabs/grefshapes.py',
    '../_base_/schedules/schedule_grefshapes.py', '../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(vocab=_base_.grefshapes_vocab))
default_hooks = dict(checkpoint=dict(save_best='gIoU'))
