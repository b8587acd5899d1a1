# SADLR's iterations on DETRIS, which no paper has: the last classifier, DETRIS' kernel, gives way to SADLR's head.
_base_ = '../detris/detris_dinov2b_refcoco.py'

model = dict(
    decode_head=dict(
        _delete_=True,
        type='SADLRHead',
        in_channels=256,
        text_channels=512,
        dynamic_channels=[64, 256],
        num_classes=1,
        align_corners=True,
        loss_decode=dict(type='RefDiceLoss')))
