"""Tile & concat: the baseline that S2RM's tables start from."""

from typing import Optional, Sequence

from torch import Tensor

from mmrefseg.registry import MODELS
from mmrefseg.structures import TextFeatures

from .last_level_fusion import LastLevelFusion
from .tile_concat import TileConcat


@MODELS.register_module()
class TileConcatFusion(LastLevelFusion):
    """Late fusion of the last level by :class:`TileConcat` alone (S2RM, Table IV, "Tile & Concat").

    The paper says no more than the name. Read here as the first step of S2RM, its Eq. 1: the last level, the tiled
    sentence and the coordinates, compressed to the level's own width.

    Args:
        in_channels (Sequence[int]): C of each level of the backbone, finest first.
        text_channels (int): C of the sentence feature.
        norm_cfg (dict): Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 text_channels: int,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(in_channels, text_channels, init_cfg)
        self.tile_concat = TileConcat(in_channels[-1], text_channels, in_channels[-1], norm_cfg)

    def fuse(self, image_map: Tensor, text: TextFeatures, image_index: Optional[Tensor]) -> Tensor:
        """The last level (B, C, H, W) and N expressions -> (N, C, H, W)."""
        return self.tile_concat(image_map, text.sentence, image_index)
