_base_ = '../vlt/vlt_nano_refshapes.py'
model = dict(decode_head=dict(type='SADLRHead', text_channels=128, dynamic_channels=[32, 32]))
