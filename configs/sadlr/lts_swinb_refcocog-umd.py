_base_ = '../lts/lts_swinb_refcocog-umd.py'
model = dict(decode_head=dict(type='SADLRHead', text_channels=768))
