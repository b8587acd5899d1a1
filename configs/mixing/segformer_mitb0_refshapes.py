# The same without any download: a recurrent network for the words, RefShapes for the pictures.
_base_ = [
    'mmseg::_base_/models/segformer_mit-b0.py', '../_base_/datasets/refshapes.py', '../_base_/vocabs/refshapes.py',
    '../_base_/schedules/schedule_refshapes.py', '../_base_/default_runtime.py'
]
model = dict(
    _scope_='mmrefseg',  # what comes from mmseg:: keeps its own scope
    type='RefSegmentor',
    data_preprocessor=dict(size_divisor=1),
    text_encoder=dict(
        type='RNNEncoder', embed_dims=64, hidden_dims=64, boundaries=True, vocab=_base_.refshapes_vocab),
    fusion=dict(type='PWAMFusion', in_channels=[32, 64, 160, 256], text_channels=128),
    decode_head=dict(num_classes=2, norm_cfg=dict(type='BN'), loss_decode=dict(avg_non_ignore=True)))
