# SADLR, Table 4 (b): one layer of 256 filters.
_base_ = '../lavt_swinb_refcoco.py'
model = dict(decode_head=dict(dynamic_channels=[256]))
