# Table IV, "S2RM (-v2l)".
_base_ = './s2rm-fpn_swint_refcoco.py'
model = dict(fusion=dict(directions=['l2v']))
