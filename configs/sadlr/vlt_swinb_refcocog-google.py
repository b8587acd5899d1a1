_base_ = '../vlt/vlt_swinb_refcocog-google.py'
model = dict(decode_head=dict(type='SADLRHead', text_channels=768))
