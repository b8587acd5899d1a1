# Table 2: all modules, without the locating loss.
_base_ = '../lts_darknet53_refcoco.py'

model = dict(auxiliary_head=None)
