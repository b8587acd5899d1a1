# Table IV, "S2RM (-Shift)".
_base_ = './s2rm-fpn_swint_refcoco.py'
model = dict(fusion=dict(shift=False))
