# Table 2: fusion alone; the mask is a 1x1 convolution of F_m3.
_base_ = '../lts_darknet53_refcoco.py'

model = dict(
    fusion=dict(locator=None),
    decoder=dict(_delete_=True, type='PriorConcat', in_channels=1024, with_prior=False),
    decode_head=dict(in_channels=1024),
    auxiliary_head=None)
