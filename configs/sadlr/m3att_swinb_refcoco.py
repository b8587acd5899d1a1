# SADLR on M3Att, which no paper has; loss and schedule are the host's.
_base_ = '../m3att/m3att_swinb_refcoco.py'
model = dict(decode_head=dict(type='SADLRHead', text_channels=768))
