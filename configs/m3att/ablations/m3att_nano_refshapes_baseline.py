# M3Att, Table II, #1: baseline (M3Att), without IMI and LFR.
_base_ = '../m3att_nano_refshapes.py'
model = dict(fusion=dict(interaction=None), auxiliary_head=None)
