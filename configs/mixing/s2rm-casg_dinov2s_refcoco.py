# S2RM and CASG on DINOv2-S of transformers: a plain transformer of patches of 14, made into
# a pyramid of Swin-T's widths.
_base_ = '../s2rm/s2rm-casg_swint_refcoco.py'

input_size = (448, 448)  # 32x32 patches: maps of 128, 64, 32 and 16 cells a side
train_resize = dict(_base_.train_resize, scale=input_size)
test_resize = dict(_base_.test_resize, scale=input_size)
train_pipeline = [_base_.load_image, train_resize, _base_.load_train_masks, _base_.pack]
test_pipeline = [_base_.load_image, test_resize, _base_.load_test_masks, _base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(
    data_preprocessor=dict(size_divisor=14, test_cfg=dict(size_divisor=14)),
    backbone=dict(
        _delete_=True,
        type='AutoBackbone',
        pretrained='facebook/dinov2-small',
        config=dict(model_type='dinov2', hidden_size=384, num_attention_heads=6, image_size=518),
        out_features=['stage3', 'stage6', 'stage9', 'stage12'],
        pyramid=[96, 192, 384, 768],
        norm_cfg=dict(type='SyncBN', requires_grad=True)))
