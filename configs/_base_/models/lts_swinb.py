# LTS as a host of SADLR: Swin-B and BERT as with LAVT, Dice over both classes, Y of 512 channels.
_base_ = './swinb_bert.py'

norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    backbone=dict(out_indices=(1, 2, 3)),
    fusion=dict(
        type='LTSFusion',
        in_channels=[256, 512, 1024],
        text_channels=768,
        channels=1024,
        locator=dict(type='RelevanceFilter'),
        norm_cfg=norm_cfg),
    decoder=dict(type='LTSDecoder', in_channels=1024, norm_cfg=norm_cfg),
    decode_head=dict(
        type='MaskHead', in_channels=512, num_classes=2, align_corners=True, loss_decode=dict(type='RefDiceLoss')),
    # Dice is no sum over pixels, so lambda = 0.1 weighs a mean.
    auxiliary_head=dict(type='LocateHead', reduction='mean'))
