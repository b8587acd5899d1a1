# M3Att, Table II, #2: baseline + IMI, without LFR.
_base_ = '../m3att_nano_refshapes.py'
model = dict(auxiliary_head=None)
