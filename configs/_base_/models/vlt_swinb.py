# VLT with Swin-B and BERT-base at 480x480, one of the hosts of SADLR's Table 3.
_base_ = './lavt_swinb.py'

norm_cfg = dict(type='SyncBN', requires_grad=True)
feature_size = (30, 30)  # stride 16
model = dict(
    backbone=dict(
        _delete_=True,
        type='SwinTransformer',
        pretrain_img_size=384,
        embed_dims=128,
        depths=[2, 2, 18, 2],
        num_heads=[4, 8, 16, 32],
        window_size=12,
        drop_path_rate=0.3,
        out_indices=(1, 2, 3),
        init_cfg=_base_.model.backbone.init_cfg),
    fusion=dict(
        type='VLTFusion',
        in_channels=[256, 512, 1024],
        text_channels=768,
        feature_size=feature_size,
        norm_cfg=norm_cfg),
    # Y of 512 channels at stride 4, what SADLR takes.
    decoder=dict(
        _delete_=True,
        type='VLTDecoder',
        in_channels=256,
        num_queries=16,
        feature_size=feature_size,
        channels=[[512, 512, 512], [512], [512]],
        norm_cfg=norm_cfg),
    decode_head=dict(align_corners=False, loss_decode=dict(_delete_=True, type='RefDiceLoss')))
