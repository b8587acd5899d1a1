# M3Att, Table I: two matrices of scores, number of layers: 2.
_base_ = '../m3att_darknet53_refcoco.py'
model = dict(fusion=dict(attention='independent', num_layers=2))
