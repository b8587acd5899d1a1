# DETRIS small enough to learn from nothing on two CPU cores at 96x96: nothing is frozen, and its words come from a GRU;
# its config adds them (text_encoder.vocab).
_base_ = './cris_nano.py'

norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(size_divisor=8, test_cfg=dict(size_divisor=8)),
    backbone=dict(
        _delete_=True,
        type='AlignedDINOv2',
        config=dict(
            image_size=96, patch_size=8, hidden_size=64, num_hidden_layers=4, num_attention_heads=4, mlp_ratio=2),
        frozen=False,
        adapter_blocks=[1, 2, 3],
        adapter_channels=32,
        adapter_cfg=dict(attention_channels=32, num_heads=4, dropout=0.),
        text_channels=128,
        out_blocks=[1, 2],
        norm_cfg=norm_cfg),
    fusion=dict(
        _delete_=True, type='DETRISFusion', in_channels=[64, 64, 64], text_channels=128, channels=64,
        norm_cfg=norm_cfg))
