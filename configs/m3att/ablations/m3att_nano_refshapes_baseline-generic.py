# M3Att, Table II, #0: baseline (generic LAV), without IMI and LFR.
_base_ = '../m3att_nano_refshapes.py'
model = dict(fusion=dict(attention='generic', interaction=None), auxiliary_head=None)
