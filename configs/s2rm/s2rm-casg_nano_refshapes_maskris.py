# MaskRIS: 75 % of the patches at zero, 15 % of the words masked. A patch of 16 pixels: nine of 32 fill 96 x 96.
_base_ = './s2rm-casg_nano_refshapes.py'
model = dict(type='MaskRIS', masking=dict(patch_size=16), auxiliary_head=None)  # which takes no soft target
model_wrapper_cfg = dict(type='TwoPassDataParallel')
