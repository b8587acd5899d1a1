# SADLR, Table 4 (b): [128, 512] twice.
_base_ = '../lavt_swinb_refcoco.py'
model = dict(decode_head=dict(dynamic_channels=[128, 512, 128, 512]))
