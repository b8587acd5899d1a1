# M3Att on RefShapes with F_enc at stride 4, in the place of 8: a word's map has cells small enough to draw edges.
_base_ = './m3att_nano_refshapes.py'
model = dict(fusion=dict(level=0, feature_size=(24, 24)))
