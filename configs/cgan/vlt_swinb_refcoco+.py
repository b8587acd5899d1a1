_base_ = '../vlt/vlt_swinb_refcoco+.py'
model = dict(
    decode_head=dict(
        type='CGAHead',
        text_channels=768,
        norm_cfg=dict(type='SyncBN', requires_grad=True)))
