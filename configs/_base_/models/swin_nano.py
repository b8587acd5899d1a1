# The nano Swin, small enough for a CPU at 96x96. It starts from weights that can see:
# configs/mixing/attributes_nano_refshapes.py made them.
nano_swin = dict(
    stem=dict(type='ConvStem', dilations=[1, 2, 1]),
    embed_dims=32,
    depths=[1, 1, 1, 1],
    num_heads=[2, 4, 8, 16],
    window_size=4,
    mlp_ratio=2,
    drop_path_rate=0.,
    # Swin knows no place of its own, and "leftmost" must be learned from a few thousand images.
    use_abs_pos_embed=True,
    pretrain_img_size=96,
    init_cfg=dict(
        type='Pretrained', checkpoint='zoo://swin_nano_refshapes-f955ae74.safetensors', prefix='backbone.'))
# A mask of a fused map, in training alone: words find their pixels in half the steps. To it come in_channels, in_index
# and channels.
nano_auxiliary = dict(
    type='FCNHead', num_convs=0, concat_input=False, num_classes=2, norm_cfg=dict(type='BN'), dropout_ratio=0.,
    loss_decode=dict(type='RefDiceLoss', loss_weight=0.4))
# Its first three stages, for fusion behind it whose coarsest level has a stride of 16: of 96 pixels it keeps 6 cells.
nano_swin_3 = dict(nano_swin, depths=[1, 1, 1], num_heads=[2, 4, 8], out_indices=(0, 1, 2))
# For fusion behind it, whose level is a fine one: of 96 pixels it keeps 12 cells, where the fourth stage would leave 3.
# configs/mixing/attributes_nano-fine_refshapes.py made its weights.
nano_swin_fine = dict(
    nano_swin,
    depths=[1, 1, 2],
    strides=(4, 2, 1),
    num_heads=[2, 4, 8],
    out_indices=(0, 1, 2),
    init_cfg=dict(
        type='Pretrained', checkpoint='zoo://swin_nano-fine_refshapes-2bc6b447.safetensors', prefix='backbone.'))
