# M3Att with Swin-B and BERT-base at 480x480.
_base_ = './m3att_darknet53.py'

model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    # 15 words, [CLS] and [SEP]. Of BERT only encoder layers 0 to 9 are optimized, as in LAVT.
    text_encoder=dict(
        _delete_=True, type='BERTEncoder', pretrained='bert-base-uncased', max_length=17, trainable_layers=10),
    backbone=dict(
        _delete_=True,
        type='StemSwin',
        pretrain_img_size=384,
        embed_dims=128,
        depths=[2, 2, 18, 2],
        num_heads=[4, 8, 16, 32],
        window_size=12,
        drop_path_rate=0.3,
        out_indices=(1, 2, 3),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/swin/'
            'swin_base_patch4_window12_384_22k_20220317-e5c09f74.pth')),
    fusion=dict(text_channels=768, feature_size=(30, 30)),
    decoder=dict(max_words=17),
    auxiliary_head=dict(text_channels=768))
find_unused_parameters = False
