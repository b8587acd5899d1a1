# VLT as published: Darknet-53, GRU and GloVe, 416x416; its config adds the words (text_encoder.vocab, glove).
norm_cfg = dict(type='SyncBN', requires_grad=True)
feature_size = (26, 26)  # stride 16
model = dict(
    type='RefSegmentor',
    # Pictures keep their ratio and are filled up with grey, masks with background, as in the released code
    # (which centres them; here padding lies at the right and the bottom).
    data_preprocessor=dict(
        type='RefDataPreProcessor',
        mean=[0., 0., 0.],
        std=[255., 255., 255.],
        bgr_to_rgb=True,
        size=(416, 416),
        pad_val=0.5,
        seg_pad_val=0,
        test_cfg=dict(size=(416, 416))),
    # 1024 channels; the word vectors stay as they are.
    text_encoder=dict(
        type='RNNEncoder',
        cell='gru',
        embed_dims=300,
        hidden_dims=512,
        dropout=0.1,
        max_length=15,
        freeze_embedding=True,
        sentence='mean'),
    # Darknet stays as it is loaded. The papers pre-trained it on COCO without the val and test images of RefCOCO,
    # RefCOCO+ and RefCOCOg; mmdet's YOLOv3 has seen them: numbers from it compare with no published ones
    # (../pretraining/ has clean ones).
    backbone=dict(
        type='mmdet.Darknet',
        depth=53,
        out_indices=(3, 4, 5),
        frozen_stages=6,
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone.',
            checkpoint='https://download.openmmlab.com/mmdetection/v2.0/yolo/yolov3_d53_mstrain-416_273e_coco/'
            'yolov3_d53_mstrain-416_273e_coco-2b60fcd9.pth')),
    fusion=dict(
        type='VLTFusion',
        in_channels=[256, 512, 1024],
        text_channels=1024,
        feature_size=feature_size,
        norm_cfg=norm_cfg),
    # Y of 256 channels at stride 2.
    decoder=dict(
        type='VLTDecoder',
        in_channels=256,
        num_queries=16,
        feature_size=feature_size,
        channels=[[256, 256, 256], [256], [256], [256]],
        norm_cfg=norm_cfg),
    decode_head=dict(
        type='MaskHead', in_channels=256, num_classes=1, loss_decode=dict(type='RefCrossEntropyLoss')),
    test_cfg=dict(eval_size='original', threshold=0.35))
# Darknet freezes itself only when training begins, after the model was wrapped for several GPUs.
find_unused_parameters = True
