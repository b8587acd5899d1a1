# CARIS small enough to learn on a CPU core; its config adds the words (text_encoder.tokenizer).
_base_ = './s2rm-casg_nano.py'

in_channels = [32, 64, 128]
norm_cfg = dict(type='GN', num_groups=8)
model = dict(
    text_encoder=dict(
        _delete_=True,
        type='PromptedBERTEncoder',
        image_channels=128,
        pretrained=None,
        config=dict(
            model_type='bert',
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=128,
            hidden_dropout_prob=0.,
            attention_probs_dropout_prob=0.)),
    fusion=dict(
        _delete_=True,
        type='CARISFusion',
        in_channels=in_channels,
        text_channels=64,
        channels=64,
        num_layers=2,
        attention_channels=128,
        feedforward_channels=128,
        num_heads=4,
        norm_cfg=norm_cfg),
    decoder=dict(
        _delete_=True, type='MaskFeatureDecoder', in_channels=[64] * 3, num_convs=3, norm_cfg=norm_cfg),
    auxiliary_head=dict(in_channels=64, in_index=0, channels=64),
    decode_head=dict(
        _delete_=True,
        type='DynamicClassifierHead',
        in_channels=64,
        align_corners=True,
        loss_decode=[dict(type='RefCrossEntropyLoss'), dict(type='RefDiceLoss')]))
