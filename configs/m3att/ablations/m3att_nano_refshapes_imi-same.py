# M3Att, Table II, #3: baseline + IMI*, the same language feature everywhere, without LFR.
_base_ = '../m3att_nano_refshapes.py'
model = dict(fusion=dict(interaction='same'), auxiliary_head=None)
