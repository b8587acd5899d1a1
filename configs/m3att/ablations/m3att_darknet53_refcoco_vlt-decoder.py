# M3Att, Table III: VLT's mask decoder, which reads the queries alone; as deep and wide as M3Att's.
_base_ = '../m3att_darknet53_refcoco.py'
model = dict(
    decoder=dict(
        _delete_=True,
        type='VLTWordDecoder',
        in_channels=_base_.channels,
        num_queries=15,
        feature_size=_base_.model.fusion.feature_size,
        channels=[[512], [512], [512]],
        norm_cfg=_base_.norm_cfg))
