_base_ = [
    '../_base_/models/caris_nano.py', '../_base_/datasets/refshapes.py', '../_base_/vocabs/refshapes.py',
    '../_base_/schedules/schedule_refshapes.py', '../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(tokenizer=_base_.refshapes_vocab))
