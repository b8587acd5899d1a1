# MaskRIS: 75 % of the patches at zero, 15 % of the words masked.
_base_ = './cris_r50_refcoco.py'
model = dict(type='MaskRIS')
model_wrapper_cfg = dict(type='TwoPassDataParallel')
