_base_ = '../lavt/lavt_nano_grefshapes.py'
model = dict(decode_head=dict(type='SADLRHead', text_channels=128, dynamic_channels=[16, 16]))
