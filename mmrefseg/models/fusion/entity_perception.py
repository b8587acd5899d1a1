"""Entity perception: the cells that entity and attribute words may name (CMPC, CVPR 2020)."""

from typing import Optional

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..utils import coordinate_map, expand_to_expressions


class EntityPerception(BaseModule):
    """Bilinear fusion of a level with the entity and attribute words, in r branches of low rank.

    ``M = L2(tanh(sum_i tanh([V; O] A_i) * tanh(q E_i)))`` with V the level, O the coordinates of its cells and q the
    words. What depends on the image alone runs once an image.

    Args:
        channels (int): C of V and M.
        text_channels (int): C of q.
        num_branches (int): r. Defaults to 5.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 channels: int,
                 text_channels: int,
                 num_branches: int = 5,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.num_branches = num_branches
        self.visual = nn.Conv2d(channels + 8, num_branches * channels, 1)  # A_1 … A_r
        self.words = nn.Linear(text_channels, num_branches * channels)  # E_1 … E_r

    def forward(self, visual: Tensor, words: Tensor, image_index: Optional[Tensor] = None) -> Tensor:
        """Fuse.

        Args:
            visual (Tensor): V, (B, C, H, W).
            words (Tensor): q, (N, C_t).
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            Tensor: M, (N, C, H, W), of length 1 in each cell.
        """
        place = coordinate_map(*visual.shape[2:], visual.device).to(visual.dtype).expand(len(visual), -1, -1, -1)
        branches = self.visual(torch.cat([visual, place], dim=1)).tanh().chunk(self.num_branches, dim=1)
        factors = self.words(words).tanh()[..., None, None].chunk(self.num_branches, dim=1)
        # A branch at a time: all of them for all expressions of an image at once would be r times the memory.
        fused = sum(expand_to_expressions(branch, image_index) * factor for branch, factor in zip(branches, factors))
        return F.normalize(fused.tanh(), eps=1e-6)
