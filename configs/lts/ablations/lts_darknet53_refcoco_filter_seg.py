# Table 2: filter and segmentation module, no fusion.
_base_ = '../lts_darknet53_refcoco.py'

model = dict(
    fusion=dict(fuse_text=False),
    auxiliary_head=None)
