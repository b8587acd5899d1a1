# CRIS with CLIP's RN50, as published and released, for 416x416. The weights of CLIP, MIT, are OpenAI's own file.
norm_cfg = dict(type='SyncBN', requires_grad=True)
clip = ('https://openaipublic.azureedge.net/clip/models/'
        'afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762/RN50.pt')
model = dict(
    type='RefSegmentor',
    data_preprocessor=dict(  # CLIP's
        type='RefDataPreProcessor',
        mean=[122.7709383, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321579, 70.32316305],
        bgr_to_rgb=True,
        size_divisor=32,
        seg_pad_val=255,
        test_cfg=dict(size_divisor=32)),
    # 17 tokens, both special ones among them. Everything trains.
    text_encoder=dict(
        type='CLIPTextEncoder',
        pretrained=clip,
        config=dict(model_type='clip_text_model', projection_dim=1024),
        tokenizer='openai/clip-vit-base-patch32',
        max_length=17,
        project_sentence=True),
    backbone=dict(type='CLIPResNet', depth=50, pool_channels=1024, pretrained=clip, norm_cfg=norm_cfg),
    fusion=dict(type='CRISFusion', in_channels=[512, 1024, 1024], text_channels=1024, norm_cfg=norm_cfg),
    decoder=dict(type='CRISDecoder', in_channels=512, text_channels=512, feedforward_channels=2048, norm_cfg=norm_cfg),
    decode_head=dict(
        type='DynamicKernelHead',
        in_channels=256,
        text_channels=1024,
        align_corners=True,
        loss_decode=dict(type='RefCrossEntropyLoss')),
    test_cfg=dict(eval_size='original', threshold=0.35, interpolation='bicubic'))
