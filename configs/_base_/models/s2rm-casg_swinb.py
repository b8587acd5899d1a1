# S2RM and CASG with Swin-B (window 12, ImageNet-22K at 384); everything else as with Swin-T.
_base_ = './s2rm-casg_swint.py'

in_channels = [128, 256, 512, 1024]
model = dict(
    backbone=dict(
        pretrain_img_size=384,
        embed_dims=128,
        depths=[2, 2, 18, 2],
        num_heads=[4, 8, 16, 32],
        window_size=12,
        init_cfg=dict(
            checkpoint='https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/swin/'
            'swin_base_patch4_window12_384_22k_20220317-e5c09f74.pth')),
    fusion=dict(in_channels=in_channels),
    decoder=dict(in_channels=in_channels),
    decode_head=dict(in_channels=128))
