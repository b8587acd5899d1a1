_base_ = '../lts/lts_swinb_refcoco+.py'
model = dict(decode_head=dict(type='SADLRHead', text_channels=768))
