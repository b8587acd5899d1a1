# MaskRIS; a patch of 16 pixels is as much of 96 x 96 as one of 80 is of 480 x 480.
_base_ = './lavt_nano_refshapes.py'
model = dict(type='MaskRIS', masking=dict(patch_size=16))
model_wrapper_cfg = dict(type='TwoPassDataParallel')
