# LTS as a host of SADLR: Swin-B and BERT as with LAVT, Dice over both classes, Y of 512 channels.
_base_ = './lavt_swinb.py'

norm_cfg = dict(type='SyncBN', requires_grad=True)
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
        type='LTSFusion',
        in_channels=[256, 512, 1024],
        text_channels=768,
        channels=1024,
        locator=dict(type='RelevanceFilter'),
        norm_cfg=norm_cfg),
    decoder=dict(_delete_=True, type='LTSDecoder', in_channels=1024, norm_cfg=norm_cfg),
    decode_head=dict(loss_decode=dict(_delete_=True, type='RefDiceLoss')),
    auxiliary_head=dict(type='LocateHead'))
