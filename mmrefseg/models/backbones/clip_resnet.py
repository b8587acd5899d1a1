"""CLIP's ResNet (Radford et al., "Learning Transferable Visual Models", ICML 2021)."""

import os
from typing import Optional, Sequence, Tuple, Union

from mmcv.cnn import build_norm_layer
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import Gives

from ..utils.clip_weights import read_clip_weights
from .spatial_attention_pool import SpatialAttentionPool

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


class CLIPBottleneck(BaseModule):
    """ResNet's bottleneck in which no convolution has a stride: an average pool comes behind the 3x3 one.

    Args:
        in_channels (int): C.
        channels (int): Width inside; the block gives four times as many.
        stride (int): Of the pool, and of the one before the convolution beside the block.
        norm_cfg (dict): Of the convolutions.
    """

    with_cp = False  # marks a block: see `checkpoint_blocks`

    def __init__(self, in_channels: int, channels: int, stride: int, norm_cfg: dict) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = build_norm_layer(norm_cfg, channels)[1]
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = build_norm_layer(norm_cfg, channels)[1]
        self.avgpool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = build_norm_layer(norm_cfg, 4 * channels)[1]
        self.downsample = None
        if stride > 1 or in_channels != 4 * channels:
            self.downsample = nn.Sequential()
            self.downsample.add_module('-1', nn.AvgPool2d(stride))
            self.downsample.add_module('0', nn.Conv2d(in_channels, 4 * channels, 1, bias=False))
            self.downsample.add_module('1', build_norm_layer(norm_cfg, 4 * channels)[1])

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 4 C', H / stride, W / stride)."""
        inner = self.bn1(self.conv1(maps)).relu()
        inner = self.bn2(self.conv2(inner)).relu()
        inner = self.bn3(self.conv3(self.avgpool(inner)))
        return (inner + (maps if self.downsample is None else self.downsample(maps))).relu()


@MODELS.register_module()
class CLIPResNet(BaseModule):
    """The image tower of CLIP's RN50 and RN101, with its attention pool kept spatial, as CRIS has it.

    A stem of three convolutions, average pools in the place of strides, and :class:`SpatialAttentionPool` behind the
    last stage. Parameters are named as in OpenAI's checkpoints.

    Pre-trained weights are loaded by ``init_weights``, that is, at the start of a training. Images must be normalized
    as CLIP's were (``model.data_preprocessor``).

    Args:
        depth (int | Sequence[int]): 50, 101, or the blocks of each of the four stages. Defaults to 50.
        pool_channels (int): C of the last map, the width of CLIP's embedding: 1024 of RN50, 512 of RN101.
            Defaults to 1024.
        stem_channels (int): C of the stem; the stages have 4, 8, 16 and 32 times as many. Defaults to 64.
        head_channels (int): Width of a head of the attention pool. Defaults to 64.
        out_indices (Sequence[int]): Which stages' maps are given, from 0; that of stage 3 comes out of the pool.
            Defaults to (1, 2, 3): strides 8, 16 and 32.
        grid (int): Side of the last map in CLIP's training. Defaults to 7.
        pretrained (str, optional): OpenAI's checkpoint, a local file or a URL. None: random weights.
        norm_cfg (dict, optional): Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine; where there is one, ``pretrained`` is not read.

    Raises:
        OSError: ``pretrained`` cannot be read.
        ValueError: An option is not one of those above; ``pretrained`` is of another architecture; in ``forward``, a
            image is no multiple of 32.
    """

    def __init__(self,
                 depth: Union[int, Sequence[int]] = 50,
                 pool_channels: int = 1024,
                 stem_channels: int = 64,
                 head_channels: int = 64,
                 out_indices: Sequence[int] = (1, 2, 3),
                 grid: int = 7,
                 pretrained: Union[str, os.PathLike, None] = None,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        blocks = BLOCKS.get(depth) if isinstance(depth, int) else tuple(depth)
        if blocks is None or len(blocks) != 4:
            raise ValueError(f'backbone.depth is {depth!r}, expected one of {sorted(BLOCKS)} or the blocks of four '
                             'stages')
        if not out_indices or sorted(set(out_indices) & set(range(4))) != list(out_indices):
            raise ValueError(f'backbone.out_indices is {tuple(out_indices)}, expected some of 0, 1, 2, 3, in this '
                             'order')
        if stem_channels % 2 or 32 * stem_channels % head_channels:
            raise ValueError(f'backbone.stem_channels is {stem_channels}: expected an even number, 32 times which '
                             f'backbone.head_channels {head_channels} divides')
        norm_cfg = norm_cfg or dict(type='BN')
        self.out_indices = tuple(out_indices)
        self.pretrained = pretrained
        widths = [4 * stem_channels, 8 * stem_channels, 16 * stem_channels, pool_channels]
        self.gives = Gives(maps=tuple(widths[index] for index in self.out_indices))
        half = stem_channels // 2
        self.conv1 = nn.Conv2d(3, half, 3, stride=2, padding=1, bias=False)
        self.bn1 = build_norm_layer(norm_cfg, half)[1]
        self.conv2 = nn.Conv2d(half, half, 3, padding=1, bias=False)
        self.bn2 = build_norm_layer(norm_cfg, half)[1]
        self.conv3 = nn.Conv2d(half, stem_channels, 3, padding=1, bias=False)
        self.bn3 = build_norm_layer(norm_cfg, stem_channels)[1]
        self.avgpool = nn.AvgPool2d(2)
        before = stem_channels
        for stage in range(max(self.out_indices) + 1):
            inner = stem_channels << stage
            layers = [CLIPBottleneck(before if block == 0 else 4 * inner, inner, 2 if stage and block == 0 else 1,
                                     norm_cfg) for block in range(blocks[stage])]
            self.add_module(f'layer{stage + 1}', nn.Sequential(*layers))
            before = 4 * inner
        self.attnpool = None
        if 3 in self.out_indices:
            self.attnpool = SpatialAttentionPool(before, pool_channels, before // head_channels, grid, norm_cfg)

    def forward(self, images: Tensor) -> Tuple[Tensor, ...]:
        """Images (B, 3, H, W) -> one (B, C_i, H_i, W_i) map a stage of ``out_indices``, finest first."""
        if any(side % 32 for side in images.shape[2:]):
            raise ValueError(f'model.backbone CLIPResNet has strides up to 32, found a picture of '
                             f'{tuple(images.shape[2:])}: resize to a multiple, or set size_divisor=32 in '
                             'model.data_preprocessor and in its test_cfg')
        maps = images
        for conv, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            maps = norm(conv(maps)).relu()
        maps = self.avgpool(maps)
        levels = []
        for stage in range(max(self.out_indices) + 1):
            maps = getattr(self, f'layer{stage + 1}')(maps)
            if stage in self.out_indices:
                levels.append(self.attnpool(maps) if stage == 3 else maps)
        return tuple(levels)

    def init_weights(self) -> None:
        """Load ``pretrained``, the first time only, or apply ``init_cfg``."""
        if self.pretrained is not None and not self.init_cfg and not self.is_init:
            weights = read_clip_weights(self.pretrained, 'backbone', 'visual.')
            result = self.load_state_dict(weights, strict=False)
            new = [name for name in result.missing_keys if not name.startswith('attnpool.connect.')
                   and not name.endswith('num_batches_tracked')]
            if new:
                raise ValueError(f'backbone.pretrained={str(self.pretrained)!r} lacks {new[0]!r}, which '
                                 'backbone.depth describes: is it another architecture?')
            print_log(f'CLIPResNet: {len(weights) - len(result.unexpected_keys)} weights from {self.pretrained}.',
                      logger='current')
        super().init_weights()
