"""Late fusion of the coarsest level: what S2RM and its rivals share."""

from abc import ABCMeta, abstractmethod
from typing import Optional, Sequence

from mmengine.model import BaseModule
from torch import Tensor

from mmrefseg.structures import Gives, MultiModalFeatures, Reads, TextFeatures

from ..utils import expand_to_expressions


class LastLevelFusion(BaseModule, metaclass=ABCMeta):
    """Base of the fusions that join the expression with the last level alone (S2RM §III.A).

    ::

        V_1 … V_(n-1) ──────────────► repeated for each expression
        V_n ── fuse(V_n, text) ─────► F_n

    Args:
        in_channels (Sequence[int]): C of each level of the backbone, finest first.
        text_channels (int): C of words and sentence.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self, in_channels: Sequence[int], text_channels: int, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.in_channels = tuple(in_channels)
        self.reads = Reads(text=text_channels, sentence=text_channels, maps=self.in_channels)
        self.gives = Gives(maps=self.in_channels)

    @abstractmethod
    def fuse(self, image_map: Tensor, text: TextFeatures, image_index: Optional[Tensor]) -> Tensor:
        """The last level (B, C, H, W) and N expressions -> (N, C, H, W)."""

    def forward(self,
                maps: Sequence[Tensor],
                text: TextFeatures,
                image_index: Optional[Tensor] = None) -> MultiModalFeatures:
        """Fuse.

        Args:
            maps (Sequence[Tensor]): One (B, C_i, H_i, W_i) map a level, finest first.
            text (TextFeatures): The N expressions.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            MultiModalFeatures: ``maps`` are (N, C_i, H_i, W_i).

        Raises:
            ValueError: The backbone hands over another number of levels.
        """
        if len(maps) != len(self.in_channels):
            raise ValueError(f'the backbone hands over {len(maps)} levels, but fusion.in_channels names '
                             f'{len(self.in_channels)}')
        fused = self.fuse(maps[-1], text, image_index)
        return MultiModalFeatures((*(expand_to_expressions(level, image_index) for level in maps[:-1]), fused), text)
