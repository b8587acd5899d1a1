# M3Att, Table III: "concate", the sum of the queries beside each pixel.
_base_ = '../m3att_darknet53_refcoco.py'
model = dict(decoder=dict(guidance='concat'))
