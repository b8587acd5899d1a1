# Table V, "CASG (Sig.)".
_base_ = '../s2rm-casg_swint_refcoco.py'
model = dict(decoder=dict(activation='sigmoid'))
