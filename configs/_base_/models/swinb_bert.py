# What the methods with Swin-B (window 12, ImageNet-22K at 384) and BERT-base have in common.
model = dict(
    type='RefSegmentor',
    data_preprocessor=dict(
        type='RefDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size_divisor=1,
        seg_pad_val=255),
    # Of BERT only encoder layers 0 to 9 are optimized, in eval mode: LAVT's release never calls train() on it.
    text_encoder=dict(
        type='BERTEncoder', pretrained='bert-base-uncased', max_length=20, trainable_layers=10, dropout=False),
    backbone=dict(
        type='StemSwin',
        pretrain_img_size=384,
        embed_dims=128,
        depths=[2, 2, 18, 2],
        num_heads=[4, 8, 16, 32],
        window_size=12,
        drop_path_rate=0.3,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/swin/'
            'swin_base_patch4_window12_384_22k_20220317-e5c09f74.pth')),
    test_cfg=dict(eval_size='input'))
