# LTS as published: Darknet-53, BiGRU over GloVe, one channel with a sigmoid; its config adds text_encoder.vocab.
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='RefSegmentor',
    data_preprocessor=dict(  # as the weights of Darknet-53 were trained
        type='RefDataPreProcessor',
        mean=[0., 0., 0.],
        std=[255., 255., 255.],
        bgr_to_rgb=True,
        size_divisor=1,
        seg_pad_val=255),
    # GloVe is read when a training starts; inference needs no such file.
    text_encoder=dict(
        type='RNNEncoder',
        cell='gru',
        embed_dims=300,
        hidden_dims=512,
        max_length=15,
        glove='data/glove/glove.840B.300d.txt'),
    # Darknet stays as it is loaded, as in MCN's released code, whose set-up the paper takes over: little of what is
    # pre-trained would be left after a few steps of Adam at 1e-3. frozen_stages=-1 trains it.
    # The paper pre-trained it on COCO without the val and test images of RefCOCO, RefCOCO+ and RefCOCOg. That of
    # mmdet's YOLOv3 has seen them all: numbers from it compare with no published ones (../pretraining/ has clean ones).
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
        type='LTSFusion',
        in_channels=[256, 512, 1024],
        text_channels=1024,
        channels=1024,
        locator=dict(type='RelevanceFilter'),
        norm_cfg=norm_cfg),
    decoder=dict(type='LTSDecoder', in_channels=1024, norm_cfg=norm_cfg),
    decode_head=dict(
        type='LTSMaskHead', in_channels=512, num_classes=1, loss_decode=dict(type='RefCrossEntropyLoss')),
    auxiliary_head=dict(type='LocateHead'),
    test_cfg=dict(eval_size='original', threshold=0.25))
# Darknet freezes itself only when training begins, after the model was wrapped for several GPUs.
find_unused_parameters = True
