# S2RM and CASG with Swin-T (window 7) and BERT-base, for 512x512: the model of the paper's ablations.
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='RefSegmentor',
    data_preprocessor=dict(
        type='RefDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size_divisor=1,
        seg_pad_val=255),
    # The paper's AvgP(T) is the mean of the words.
    text_encoder=dict(type='BERTEncoder', pretrained='bert-base-uncased', max_length=20, sentence='mean'),
    # The paper's weights come from ImageNet-22K; for Swin-T mmseg has those of ImageNet-1K.
    backbone=dict(
        type='StemSwin',
        pretrain_img_size=224,
        embed_dims=96,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        window_size=7,
        drop_path_rate=0.3,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/swin/'
            'swin_tiny_patch4_window7_224_20220317-1cdeb081.pth')),
    fusion=dict(
        type='S2RM',
        in_channels=[96, 192, 384, 768],
        text_channels=768,
        feature_size=(16, 16),  # of the last level, stride 32: goes with the input size
        norm_cfg=norm_cfg),
    decoder=dict(type='CASGDecoder', in_channels=[96, 192, 384, 768], text_channels=768, norm_cfg=norm_cfg),
    decode_head=dict(
        type='MaskHead', in_channels=96, num_classes=1, loss_decode=dict(type='RefDiceLoss', background=False)),
    test_cfg=dict(eval_size='input'))
