# Table IV, "S2RM (-Shift-l2v)": the paper takes l2v out of the S2RM without shifts.
_base_ = './s2rm-fpn_swint_refcoco.py'
model = dict(fusion=dict(shift=False, directions=['v2l']))
