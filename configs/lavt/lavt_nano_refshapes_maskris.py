# MaskRIS: 75 % of the patches at zero, 15 % of the words masked. A patch of 6 pixels: 16 a side, as 32 make 15 of 480.
_base_ = './lavt_nano_refshapes.py'
model = dict(type='MaskRIS', masking=dict(patch_size=6), auxiliary_head=None)  # which takes no soft target
model_wrapper_cfg = dict(type='TwoPassDataParallel')
