_base_ = '../lts/lts_nano_refshapes.py'
model = dict(decode_head=dict(type='CGAHead', text_channels=128))
