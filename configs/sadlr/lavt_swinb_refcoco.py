# SADLR on LAVT: n = 3 iterations of two dynamic convolutions [128, 512], Dice of both classes; the rest as LAVT.
_base_ = '../lavt/lavt_swinb_refcoco.py'
model = dict(
    decode_head=dict(type='SADLRHead', text_channels=768, loss_decode=dict(_delete_=True, type='RefDiceLoss')))
