# ReLA small enough to learn on a CPU core; its config adds the words (text_encoder.vocab).
_base_ = './lavt_nano.py'

norm_cfg = dict(type='GN', num_groups=8)
model = dict(
    neck=dict(
        type='DeformableNeck',
        in_channels=[32, 64, 128, 256],
        channels=64,
        num_layers=2,
        feedforward_channels=128,
        num_heads=4,
        norm_cfg=norm_cfg),
    decoder=dict(_delete_=True, type='MaskFeatureDecoder', in_channels=[64] * 4, norm_cfg=norm_cfg),
    decode_head=dict(
        type='ReLAHead',
        in_channels=64,
        map_channels=[64] * 4,
        text_channels=128,
        channels=64,
        num_queries=25,
        num_layers=3,
        num_heads=4,
        feedforward_channels=128,
        sub_pixel=None),
    auxiliary_head=None)
