# Table 2: fusion and segmentation module, no filter.
_base_ = '../lts_darknet53_refcoco.py'

model = dict(
    fusion=dict(locator=None),
    decoder=dict(with_prior=False),
    auxiliary_head=None)
