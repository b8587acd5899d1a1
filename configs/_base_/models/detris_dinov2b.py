# DETRIS with DINOv2-B and the text tower of CLIP's ViT-B/16, both frozen, as published and released, for 448x448.
_base_ = './cris_r50.py'

norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    data_preprocessor=dict(size_divisor=14, test_cfg=dict(size_divisor=14)),
    # Padding takes part in the adapters, of both towers: 17 tokens are part of the model.
    text_encoder=dict(
        _delete_=True,
        type='CLIPTextEncoder',
        pretrained='openai/clip-vit-base-patch16',
        config=dict(model_type='clip_text_model', projection_dim=512),
        max_length=17,
        project_sentence=True,
        trainable_layers=0,
        fixed_length=True,
        adapters=dict(layers=[1, 3, 5, 7, 9, 11], channels=64, norm_cfg=norm_cfg)),
    backbone=dict(
        _delete_=True,
        type='AlignedDINOv2',
        pretrained='facebook/dinov2-with-registers-base',
        config=dict(
            model_type='dinov2_with_registers',
            image_size=518,
            patch_size=14,
            hidden_size=768,
            num_hidden_layers=12,
            num_attention_heads=12),
        adapter_blocks=[1, 3, 5, 7, 9, 11],
        adapter_channels=128,
        text_channels=512,
        out_blocks=[4, 8],
        mask_padding=False,
        norm_cfg=norm_cfg),
    fusion=dict(_delete_=True, type='DETRISFusion', in_channels=[768, 768, 768], text_channels=512, norm_cfg=norm_cfg),
    decoder=dict(feedforward_channels=512),
    decode_head=dict(text_channels=512))
