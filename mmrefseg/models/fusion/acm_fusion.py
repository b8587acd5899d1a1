"""CEFNet's fusion (Feng et al., CVPR 2021) after the backbone, on the last level."""

from typing import Optional, Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import TextFeatures

from ..utils import LinearNormReLU, expand_to_expressions
from .acm import ACM
from .last_level_fusion import LastLevelFusion
from .tile_concat import TileConcat


@MODELS.register_module()
class ACMFusion(LastLevelFusion):
    """The rival "ACM" of S2RM's Table VII: what CEFNet does behind each stage of its encoder, once, on the last level.

    ::

        V ── conv ─► V' ──┬─ tile & concat with the sentence ─► M ──┐
                          words, gathered by each cell of M ─► L ───┴► ACM ─► M', L' ── conv of both ─► + V ─► F

    ``norm`` below is to unit length over channels, as in the released code, which this follows but for: ReLU where it
    has PReLU; 1x1 where it has 3x3 in the concatenation, so that V's part is computed once an image; padding words
    do not count in the batch norm over words.

    Args:
        in_channels (Sequence[int]): C of each level of the backbone, finest first.
        text_channels (int): C of the words.
        channels (int): C of M and L. Defaults to 512, as released.
        norm_cfg (dict): Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 text_channels: int,
                 channels: int = 512,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(in_channels, text_channels, init_cfg)
        norm_cfg = norm_cfg or dict(type='BN')
        self.reduce = ConvModule(in_channels[-1], channels, 3, padding=1, norm_cfg=norm_cfg)
        self.sentence = LinearNormReLU(text_channels, channels, norm_cfg)
        self.words = LinearNormReLU(text_channels, channels, norm_cfg)
        self.tile_concat = TileConcat(channels, channels, channels, norm_cfg)
        self.query = nn.Conv2d(channels, channels, 1)
        self.co_attention = ACM(channels, norm_cfg=norm_cfg)
        self.expand = ConvModule(2 * channels, in_channels[-1], 3, padding=1, norm_cfg=norm_cfg)

    def fuse(self, image_map: Tensor, text: TextFeatures, image_index: Optional[Tensor]) -> Tensor:
        """V (B, C, H, W) and N expressions -> F (N, C, H, W)."""
        reduced = F.normalize(self.reduce(image_map))  # V'
        sentence = F.normalize(self.sentence(text.sentence[:, None])[:, 0])  # (N, 1, C) -> (N, C)
        joint_map = F.normalize(self.tile_concat(reduced, sentence, image_index))  # M
        attended = self.co_attention(joint_map, self.gather_words(joint_map, text))
        fused = self.expand(F.normalize(torch.cat(attended, dim=1)))
        return expand_to_expressions(F.normalize(image_map), image_index) + F.normalize(fused)

    def gather_words(self, joint_map: Tensor, text: TextFeatures) -> Tensor:
        """The words that each cell of M (N, C, H, W) gathers: L (N, C, H, W)."""
        words = F.normalize(self.words(text.words, text.mask), dim=2)  # (N, L, C)
        scores = words @ self.query(joint_map).flatten(2)  # (N, L, HW)
        scores = scores.masked_fill(~text.mask[:, :, None], float('-inf'))
        gathered = words.transpose(1, 2) @ torch.softmax(scores, dim=1)  # (N, C, HW)
        return gathered.unflatten(2, joint_map.shape[2:])
