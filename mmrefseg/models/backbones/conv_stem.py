"""A convolutional stem in the place of Swin's patch embedding, for training from nothing."""

from typing import Optional, Sequence, Tuple

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS


class ResidualBlock(BaseModule):
    """``relu(x + conv(conv(x)))``, 3x3 and dilated, as in ResNet.

    Args:
        channels (int): C.
        dilation (int): Of both convolutions.
        norm_cfg (dict): Of both convolutions.
    """

    def __init__(self, channels: int, dilation: int, norm_cfg: dict) -> None:
        super().__init__()
        shared = dict(kernel_size=3, padding=dilation, dilation=dilation, norm_cfg=norm_cfg)
        self.convs = nn.Sequential(
            ConvModule(channels, channels, **shared), ConvModule(channels, channels, act_cfg=None, **shared))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return (maps + self.convs(maps)).relu()


@MODELS.register_module()
class ConvStem(BaseModule):
    """Early convolutions (Xiao et al., "Early Convolutions Help Transformers See Better", NeurIPS 2021).

    Convolutions down to stride 4 (3x3, strides 2, 1, 2, with batch norm and ReLU), residual blocks of two 3x3
    convolutions each, then 1x1 and a layer norm. Without pre-trained weights a transformer learns shapes from
    them in far fewer images than from 4x4 patches; with pre-trained weights Swin's own patch embedding is
    the one to use.

    Args:
        embed_dims (int): C of the tokens.
        in_channels (int): Of the images. Defaults to 3.
        dilations (Sequence[int]): One residual block for each. Defaults to ``(1,)``.
        norm_cfg (dict): Of the 3x3 convolutions. Defaults to ``dict(type='BN')``.
    """

    with_cp = False  # marks a block: see `checkpoint_blocks`

    def __init__(self,
                 embed_dims: int,
                 in_channels: int = 3,
                 dilations: Sequence[int] = (1, ),
                 norm_cfg: Optional[dict] = None) -> None:
        super().__init__()
        norm_cfg = norm_cfg or dict(type='BN')
        half = embed_dims // 2
        self.convs = nn.Sequential(
            ConvModule(in_channels, half, 3, stride=2, padding=1, norm_cfg=norm_cfg),
            ConvModule(half, embed_dims, 3, padding=1, norm_cfg=norm_cfg),
            ConvModule(embed_dims, embed_dims, 3, stride=2, padding=1, norm_cfg=norm_cfg),
            *(ResidualBlock(embed_dims, dilation, norm_cfg) for dilation in dilations),
            nn.Conv2d(embed_dims, embed_dims, 1))
        self.norm = nn.LayerNorm(embed_dims)

    def forward(self, images: Tensor) -> Tuple[Tensor, Tuple[int, int]]:
        """(B, 3, H, W) -> (B, H/4 * W/4, C) tokens and their (H/4, W/4)."""
        maps = self.convs(images)
        # (B, C, h, w) -> (B, h * w, C)
        return self.norm(maps.flatten(2).transpose(1, 2)), tuple(maps.shape[2:])
