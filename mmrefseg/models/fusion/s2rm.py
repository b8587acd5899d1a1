"""S2RM, spatial semantic recurrent mining (Yang et al., "Spatial Semantic Recurrent Mining for RIS", §III.B)."""

from typing import Optional, Sequence, Tuple

import torch
from mmcv.cnn import ConvModule
from torch import Tensor

from mmrefseg.registry import MODELS
from mmrefseg.structures import TextFeatures

from ..utils import expand_to_expressions
from .last_level_fusion import LastLevelFusion
from .s2rm_balancing import S2RMBalancing
from .s2rm_coparsing import DIRECTIONS, S2RMCoparsing
from .s2rm_distribution import S2RMDistribution


@MODELS.register_module()
class S2RM(LastLevelFusion):
    """Late fusion of the last level V_4 in three steps.

    ::

        V_4, words ── distribute ─► T^dist ─┐
        V_4 ────────────────────────────────┴► coparse ─► 4 maps ── balance ─► B ── Conv_BN_ReLU ─► + V_4 ─► F_4

    The compressing layer is as wide as the map has cells (4 H W channels come in), so a model works at one input
    size, which ``feature_size`` states.

    Left open by the paper, and chosen here: the last convolution is 1x1, as that of Eq. 1, which it names alike;
    its output is "fused to V_4" by a sum.

    Args:
        in_channels (Sequence[int]): C of each level of the backbone, finest first.
        text_channels (int): C of the words.
        feature_size (Tuple[int, int]): (H, W) of the last level: (16, 16) for 512x512 at stride 32.
        directions (Sequence[str]): As :class:`S2RMCoparsing`. Table IV, "-l2v": ``['v2l']``; "-v2l": ``['l2v']``.
        shift (bool): As :class:`S2RMCoparsing`. Table IV, "-Shift": False; "-Shift-l2v" and "-Shift-v2l" leave out
            a direction as well. Defaults to True.
        balance (bool): Step 3. Table IV, "-Balance": False. Defaults to True.
        norm_cfg (dict): Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: ``directions`` has not 'l2v', 'v2l' or both; at run time, the last level is not of
            ``feature_size`` or the backbone hands over another number of levels.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 text_channels: int,
                 feature_size: Tuple[int, int],
                 directions: Sequence[str] = DIRECTIONS,
                 shift: bool = True,
                 balance: bool = True,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(in_channels, text_channels, init_cfg)
        channels = in_channels[-1]
        norm_cfg = norm_cfg or dict(type='BN')
        self.distribute = S2RMDistribution(channels, text_channels, norm_cfg)
        self.coparse = S2RMCoparsing(feature_size, directions, shift)
        self.balance = S2RMBalancing(self.coparse.out_channels) if balance else None
        self.compress = ConvModule(sum(self.coparse.out_channels), channels, 1, norm_cfg=norm_cfg)

    def fuse(self, image_map: Tensor, text: TextFeatures, image_index: Optional[Tensor]) -> Tensor:
        """V_4 (B, C, H, W) and N expressions -> F_4 (N, C, H, W)."""
        language_map = self.distribute(image_map, text, image_index)  # T^dist
        image_map = expand_to_expressions(image_map, image_index)
        parsed = self.coparse(image_map, language_map)
        balanced = torch.cat(parsed, dim=1) if self.balance is None else self.balance(parsed)  # B
        return image_map + self.compress(balanced)
