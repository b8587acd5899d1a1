# CARIS with Swin-B (window 7, ImageNet-22K at 224) and BERT-base, as published and released.
_base_ = './swinb_bert.py'

in_channels = [128, 256, 512, 1024]
model = dict(
    # All of BERT trains, and drops as the rest.
    text_encoder=dict(type='PromptedBERTEncoder', image_channels=1024, trainable_layers=None, dropout=True),
    backbone=dict(
        pretrain_img_size=224,
        window_size=7,
        init_cfg=dict(
            checkpoint='https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/swin/'
            'swin_base_patch4_window7_224_22k_20220317-4f79f7c0.pth')),
    fusion=dict(type='CARISFusion', in_channels=in_channels, text_channels=768),
    decoder=dict(type='MaskFeatureDecoder', in_channels=[256] * 4, num_convs=3),
    decode_head=dict(
        type='DynamicClassifierHead',
        in_channels=256,
        align_corners=True,
        loss_decode=dict(type='RefCrossEntropyLoss', class_weight=[0.9, 1.1])))
