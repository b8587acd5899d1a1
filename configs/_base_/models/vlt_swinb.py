# VLT with Swin-B and BERT-base at 480x480, one of the hosts of SADLR's Table 3.
_base_ = './swinb_bert.py'

norm_cfg = dict(type='SyncBN', requires_grad=True)
feature_size = (30, 30)  # stride 16
model = dict(
    backbone=dict(out_indices=(1, 2, 3)),
    fusion=dict(
        type='VLTFusion',
        in_channels=[256, 512, 1024],
        text_channels=768,
        feature_size=feature_size,
        norm_cfg=norm_cfg),
    # Y of 512 channels at stride 4, what SADLR takes.
    decoder=dict(
        type='VLTDecoder',
        in_channels=256,
        num_queries=16,
        feature_size=feature_size,
        channels=[[512, 512, 512], [512], [512]],
        norm_cfg=norm_cfg),
    decode_head=dict(
        type='MaskHead', in_channels=512, num_classes=2, loss_decode=dict(type='RefDiceLoss')))
