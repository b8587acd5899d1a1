# SADLR on LAVT on gRefCOCO, with an output for "no such object". No paper has this model.
_base_ = '../lavt/lavt_swinb_grefcoco.py'
model = dict(
    decode_head=dict(type='SADLRHead', text_channels=768, loss_decode=dict(_delete_=True, type='RefDiceLoss')))
