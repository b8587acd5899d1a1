# LAVT on RefShapes, from the pre-trained nano Swin.
_base_ = [
    '../_base_/models/lavt_nano.py', '../_base_/datasets/refshapes.py', '../_base_/vocabs/refshapes.py',
    '../_base_/schedules/schedule_refshapes.py', '../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(vocab=_base_.refshapes_vocab))
