# M3Att, Table II, #1: baseline (M3Att), without IMI and LFR.
_base_ = '../m3att_darknet53_refcoco.py'
model = dict(fusion=dict(interaction=None), auxiliary_head=None)
