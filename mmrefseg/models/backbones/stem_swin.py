"""mmseg's Swin with faster attention, and with another stem where one is wanted."""

from typing import Optional, Sequence, Tuple, Union

from mmengine.model import BaseModule
from mmseg.models.backbones import SwinTransformer
from torch import Tensor
from torch.nn.modules.utils import _pair

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
        pretrain_img_size (int | Sequence[int]): (H, W) of the images; matters with ``use_abs_pos_embed`` alone, which
            has a weight a cell. Defaults to 224.
        patch_size (int): Pixels along a side of a cell. Defaults to 4.
        **kwargs: As mmseg's ``SwinTransformer``.
    """

    def __init__(self,
                 stem: Optional[dict] = None,
                 pretrain_img_size: Union[int, Sequence[int]] = 224,
                 patch_size: int = 4,
                 **kwargs) -> None:
        super().__init__(pretrain_img_size=pretrain_img_size, patch_size=patch_size, **kwargs)
        self.pretrain_img_size = _pair(pretrain_img_size)
        self.patch_size = patch_size
        for stage in self.stages:
            for block in stage.blocks:
                block.attn = WindowAttention(block.attn)
        if stem is not None:
            self.patch_embed = MODELS.build(dict(stem, embed_dims=self.num_features[0]))

    def init_weights(self) -> None:
        """As mmseg's, but a checkpoint with positions is left to mmengine: mmseg 1.2.2 takes their embedding for a map.

        ``init_cfg`` then has mmengine's ``prefix`` where the names in the checkpoint begin with one.
        """
        if self.use_abs_pos_embed and self.init_cfg is not None:
            BaseModule.init_weights(self)
        else:
            super().init_weights()

    def forward(self, images: Tensor) -> Tuple[Tensor, ...]:
        """(B, 3, H, W) -> maps (B, C_i, H_i, W_i), as mmseg's.

        Raises:
            ValueError: As :meth:`check_size`.
        """
        self.check_size(images)
        return super().forward(images)

    def check_size(self, images: Tensor) -> None:
        """Check images (B, 3, H, W) before they are cut into cells.

        Raises:
            ValueError: The embedding of positions is made for another size.
        """
        if not self.use_abs_pos_embed:
            return
        found = [-(-side // self.patch_size) for side in images.shape[2:]]
        made_for = [side // self.patch_size for side in self.pretrain_img_size]
        if found != made_for:
            raise ValueError(
                f'the pictures are {tuple(images.shape[2:])}, and model.backbone.pretrain_img_size with '
                f'use_abs_pos_embed makes the model for {tuple(self.pretrain_img_size)}: change it and the pipelines\' '
                'scale together')

    def train(self, mode: bool = True) -> 'StemSwin':
        """As torch's; mmseg 1.2.2's Swin forgets to return itself."""
        super().train(mode)
        return self
