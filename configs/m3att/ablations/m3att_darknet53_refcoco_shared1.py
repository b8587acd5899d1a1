# M3Att, Table I: shared matrix of scores, number of layers: 1.
_base_ = '../m3att_darknet53_refcoco.py'
model = dict(fusion=dict(num_layers=1))
