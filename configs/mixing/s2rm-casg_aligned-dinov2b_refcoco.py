# DETRIS' backbone, into which words enter already, before S2RM and CASG.
_base_ = '../detris/detris_dinov2b_refcoco.py'

channels = [96, 192, 384, 768]
model = dict(
    text_encoder=dict(project_sentence=False),
    backbone=dict(out_blocks=[2, 5, 8], pyramid=channels),
    fusion=dict(_delete_=True, type='S2RM', in_channels=channels, text_channels=512, feature_size=(16, 16)),
    decoder=dict(_delete_=True, type='CASGDecoder', in_channels=channels, text_channels=512),
    decode_head=dict(
        _delete_=True, type='MaskHead', in_channels=96, num_classes=1,
        loss_decode=dict(type='RefDiceLoss', background=False)))
