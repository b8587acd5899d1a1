_base_ = '../lavt/lavt_swinb_refcocog-umd.py'
model = dict(
    decode_head=dict(type='SADLRHead', text_channels=768, loss_decode=dict(_delete_=True, type='RefDiceLoss')))
