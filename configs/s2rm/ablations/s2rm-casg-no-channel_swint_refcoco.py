# Table V, "CASG (-Cha.)".
_base_ = '../s2rm-casg_swint_refcoco.py'
model = dict(decoder=dict(channel=False))
