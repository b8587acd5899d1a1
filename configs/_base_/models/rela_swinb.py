# ReLA with LAVT's Swin-B (window 12, ImageNet-22K at 384) and BERT-base, as published and released.
_base_ = './swinb_bert.py'

model = dict(
    # Its regions read padded words, too.
    text_encoder=dict(fixed_length=True, dropout=True),
    backbone=dict(type='LAVTSwin', text_channels=768),
    neck=dict(type='DeformableNeck', in_channels=[128, 256, 512, 1024]),
    decoder=dict(type='MaskFeatureDecoder', in_channels=[256] * 4),
    decode_head=dict(
        type='ReLAHead', in_channels=256, map_channels=[256] * 4, text_channels=768, mask_words=False))
