# The host of SADLR's Table 3: LAVT trained with Dice over two classes.
_base_ = '../lavt/lavt_swinb_refcoco.py'
model = dict(
    decode_head=dict(
        type='CGAHead',
        text_channels=768,
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        loss_decode=dict(_delete_=True, type='RefDiceLoss')))
