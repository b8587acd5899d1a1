"""mmseg's Swin with faster attention, and with another stem where one is wanted."""

from typing import Optional

from mmseg.models.backbones import SwinTransformer

from mmrefseg.registry import MODELS

from .window_attention import WindowAttention


@MODELS.register_module()
class StemSwin(SwinTransformer):
    """mmseg's Swin with :class:`WindowAttention` in its blocks, whose patch embedding another stem can replace.

    Without a stem it computes what mmseg's ``SwinTransformer`` computes, faster. Parameter names are mmseg's: its
    converted Swin checkpoints load through ``init_cfg`` or ``pretrained``.

    Args:
        stem (dict, optional): Takes the place of Swin's patch embedding (:class:`ConvStem`), for training
            without pre-trained weights.
        **kwargs: As mmseg's ``SwinTransformer``.
    """

    def __init__(self, stem: Optional[dict] = None, **kwargs) -> None:
        super().__init__(**kwargs)
        for stage in self.stages:
            for block in stage.blocks:
                block.attn = WindowAttention(block.attn)
        if stem is not None:
            self.patch_embed = MODELS.build(dict(stem, embed_dims=self.num_features[0]))

    def train(self, mode: bool = True) -> 'StemSwin':
        """As torch's; mmseg 1.2.2's Swin forgets to return itself."""
        super().train(mode)
        return self
