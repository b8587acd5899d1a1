# Table 2: the filter alone; the mask is a 1x1 convolution of the visual pyramid and the heatmap.
_base_ = '../lts_darknet53_refcoco.py'

model = dict(
    fusion=dict(fuse_text=False),
    decoder=dict(_delete_=True, type='PriorConcat', in_channels=1024),
    decode_head=dict(in_channels=1025),
    auxiliary_head=None)
