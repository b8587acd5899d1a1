# M3Att with Darknet-53, GloVe and a BiLSTM at 416x416; its config adds the words (text_encoder.vocab, glove).
norm_cfg = dict(type='SyncBN', requires_grad=True)
channels = 256
model = dict(
    type='RefSegmentor',
    data_preprocessor=dict(
        type='RefDataPreProcessor',
        mean=[0., 0., 0.],
        std=[255., 255., 255.],
        bgr_to_rgb=True,
        size_divisor=1,
        seg_pad_val=255),
    # C channels, 128 a direction. The paper's text has an LSTM, its Table IV a GRU (cell='gru').
    text_encoder=dict(
        type='RNNEncoder', cell='lstm', embed_dims=300, hidden_dims=128, max_length=15, freeze_embedding=True),
    # Darknet stays as it is loaded, as in VLT's released code. The paper pre-trained it on COCO without the val and
    # test images of RefCOCO, RefCOCO+ and RefCOCOg; mmdet's YOLOv3 has seen them: numbers from it compare with no
    # published ones (../pretraining/ has clean ones).
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
        type='M3Dec',
        in_channels=[256, 512, 1024],
        text_channels=channels,
        feature_size=(26, 26),  # stride 16
        channels=channels,
        num_layers=3,
        norm_cfg=norm_cfg),
    # Y of 512 channels at stride 4.
    decoder=dict(type='M3MaskDecoder', in_channels=channels, max_words=15, channels=512, norm_cfg=norm_cfg),
    # One channel: binary cross entropy.
    decode_head=dict(
        type='MaskHead', in_channels=512, num_classes=1, loss_decode=dict(type='RefCrossEntropyLoss')),
    auxiliary_head=dict(
        type='LFRHead',
        query_channels=channels,
        text_channels=channels,
        channels=channels,
        loss_weight=0.1,
        norm_cfg=norm_cfg),
    test_cfg=dict(eval_size='input'))
# Darknet freezes itself only when training begins, after the model was wrapped for several GPUs.
find_unused_parameters = True
