# Table IV, "S2RM (-Balance)".
_base_ = './s2rm-fpn_swint_refcoco.py'
model = dict(fusion=dict(balance=False))
