# CMPC as released: frozen DeepLab ResNet-101 at stride 8, an LSTM over GloVe, 320x320; its config adds the words.
feature_size = (40, 40)  # stride 8
model = dict(
    type='RefSegmentor',
    # Pictures keep their ratio and are filled up, masks with background, as in the release (which centres them on
    # black; here padding lies at the right and the bottom and has the mean colour).
    data_preprocessor=dict(
        type='RefDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=(320, 320),
        pad_val=0,
        seg_pad_val=0,
        test_cfg=dict(size=(320, 320))),
    # One direction. The word vectors are trained further.
    text_encoder=dict(
        type='RNNEncoder', cell='lstm', embed_dims=300, hidden_dims=1000, bidirectional=False, max_length=20),
    # The release starts from DeepLab v2's Caffe model, which needs what it was: these are mmseg's DeepLab v3, trained
    # on PASCAL VOC, too.
    backbone=dict(
        type='ResNetV1c',
        depth=101,
        out_indices=(1, 2, 3),
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        contract_dilation=True,
        frozen_stages=4,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone.',
            checkpoint='https://download.openmmlab.com/mmsegmentation/v0.5/deeplabv3/'
            'deeplabv3_r101-d8_512x512_40k_voc12aug/'
            'deeplabv3_r101-d8_512x512_40k_voc12aug_20200613_161432-0017d784.pth')),
    fusion=dict(type='CMPCFusion', in_channels=[512, 1024, 2048], text_channels=1000, feature_size=feature_size),
    decoder=dict(type='PriorConcat', in_channels=500, with_prior=False),
    decode_head=dict(
        type='MaskHead',
        in_channels=500,
        kernel_size=3,
        num_classes=1,
        loss_decode=dict(type='RefCrossEntropyLoss', loss_weight=0.7)),
    auxiliary_head=dict(
        type='LevelHead',
        level_channels=[500] * 4,
        num_classes=1,
        loss_decode=dict(type='RefCrossEntropyLoss', loss_weight=0.1)),
    test_cfg=dict(eval_size='original'))
