# ReLA with ResNet-50, which knows no word: the pixel decoder runs once an image, and the regions alone read the words.
_base_ = './rela_swinb.py'

in_channels = [256, 512, 1024, 2048]
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=50,
        # As detectron2's: statistics and weights of batch norms stay those of ImageNet.
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')),
    fusion=dict(
        type='ImageFusion',
        in_channels=in_channels,
        channels=256,
        neck=dict(type='DeformableNeck', in_channels=in_channels)),
    neck=None)
