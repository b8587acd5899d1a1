# Table IV, "S2RM (-Shift-v2l)": the paper takes v2l out of the S2RM without shifts.
_base_ = './s2rm-fpn_swint_refcoco.py'
model = dict(fusion=dict(shift=False, directions=['l2v']))
