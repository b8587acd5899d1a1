# Table VI, "-D3": the mask at stride 8.
_base_ = '../s2rm-casg_swint_refcoco.py'
in_channels = [192, 384, 768]
model = dict(
    backbone=dict(out_indices=(1, 2, 3)),
    fusion=dict(in_channels=in_channels),
    decoder=dict(in_channels=in_channels),
    decode_head=dict(in_channels=192))
