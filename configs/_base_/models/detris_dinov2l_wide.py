# DETRIS with DINOv2-L as tuned on mixed data sets: wider adapters, one in every block and layer but the first.
_base_ = './detris_dinov2l.py'

model = dict(
    text_encoder=dict(adapters=dict(layers=list(range(1, 12)), channels=384)),
    backbone=dict(adapter_blocks=list(range(1, 24)), adapter_channels=384))
