# As attributes_nano_refshapes.py, for the methods whose fusion is late: their Swin keeps a cell for 8 pixels.
_base_ = './attributes_nano_refshapes.py'
model = dict(
    backbone=dict(_delete_=True, type='StemSwin', **{**_base_.nano_swin_fine, 'init_cfg': None}),
    decode_head=dict(in_channels=[32, 64, 128]))
