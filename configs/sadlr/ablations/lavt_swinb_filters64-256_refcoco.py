# SADLR, Table 4 (b): two layers of 64 and 256 filters.
_base_ = '../lavt_swinb_refcoco.py'
model = dict(decode_head=dict(dynamic_channels=[64, 256]))
