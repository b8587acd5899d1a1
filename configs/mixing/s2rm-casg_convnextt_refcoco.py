# S2RM and CASG on ConvNeXt-T of transformers. Its widths and strides are Swin-T's, so nothing else changes.
_base_ = '../s2rm/s2rm-casg_swint_refcoco.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='AutoBackbone',
        pretrained='facebook/convnext-tiny-224',
        # Here so that the model builds without the hub, as from a checkpoint of ours.
        config=dict(model_type='convnext', hidden_sizes=[96, 192, 384, 768], depths=[3, 3, 9, 3]),
        out_features=['stage1', 'stage2', 'stage3', 'stage4']))
