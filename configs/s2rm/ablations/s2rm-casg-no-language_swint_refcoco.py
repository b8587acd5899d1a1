# Table V, "CASG (-Lang.)".
_base_ = '../s2rm-casg_swint_refcoco.py'
model = dict(decoder=dict(language=False))
