# DETRIS with DINOv2-L.
_base_ = './detris_dinov2b.py'

model = dict(
    backbone=dict(
        pretrained='facebook/dinov2-with-registers-large',
        config=dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16),
        adapter_blocks=[2, 6, 10, 14, 18, 22],
        out_blocks=[8, 16]),
    fusion=dict(in_channels=[1024, 1024, 1024]))
