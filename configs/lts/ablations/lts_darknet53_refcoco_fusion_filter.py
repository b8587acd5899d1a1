# Table 2: fusion and filter; the mask is a 1x1 convolution of F_m3 and the heatmap.
_base_ = '../lts_darknet53_refcoco.py'

model = dict(
    decoder=dict(_delete_=True, type='PriorConcat', in_channels=1024),
    decode_head=dict(in_channels=1025),
    auxiliary_head=None)
