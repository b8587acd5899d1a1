# Table IV, "S2RM (-l2v)".
_base_ = './s2rm-fpn_swint_refcoco.py'
model = dict(fusion=dict(directions=['v2l']))
