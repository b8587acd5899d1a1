# Table V, "CASG (-Spa.)".
_base_ = '../s2rm-casg_swint_refcoco.py'
model = dict(decoder=dict(spatial=False))
