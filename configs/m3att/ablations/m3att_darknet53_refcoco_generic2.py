# M3Att, Table I: generic attention (LAV only), number of layers: 2.
_base_ = '../m3att_darknet53_refcoco.py'
model = dict(fusion=dict(attention='generic', num_layers=2))
