"""Reasoning between the cells along the relation words (CMPC, CVPR 2020)."""

from typing import Optional

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.structures import TextFeatures

from ..utils import at_least_float32


class RelationGraph(BaseModule):
    """One graph convolution over the HW cells of a level, whose edges are what the relation words say.

    With M the entities, l the words and p^rel how much of a relation each word is::

        S' = p^rel * (M W_x)(l W_l)^T / sqrt(C)                  (HW, L): which word speaks of which cell
        A  = softmax_words(S') softmax_cells(S')^T               (HW, HW): rows add up to 1
        H  = relu(M + LN(A M));   M~ = L2(relu(LN(H W_g)))

    LN is over all cells and channels of an expression. A is never built: ``A M = softmax_words(S') (softmax_cells(S')^T
    M)`` needs L / HW of it. Nor is M W_x: ``(M W_x)(l W_l)^T = M (l W_l W_x^T)^T``, a product a word in place of one a
    cell.

    Args:
        channels (int): C of M.
        text_channels (int): C of the words.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self, channels: int, text_channels: int, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.node = nn.Linear(channels, channels)  # W_x
        self.word = nn.Linear(text_channels, channels)  # W_l
        self.message_norm = nn.GroupNorm(1, channels)
        self.update = nn.Conv2d(channels, channels, 1)  # W_g
        self.update_norm = nn.GroupNorm(1, channels)

    def forward(self, entities: Tensor, text: TextFeatures, relations: Tensor) -> Tensor:
        """Reason.

        Args:
            entities (Tensor): M, (N, C, H, W).
            text (TextFeatures): The N expressions.
            relations (Tensor): p^rel, (N, L).

        Returns:
            Tensor: M~, (N, C, H, W), of length 1 in each cell.
        """
        cells = entities.flatten(2)  # (N, C, HW)
        gathers, hands_out = self.edges(cells, text, relations)
        # (N, C, HW) @ (N, HW, L) @ (N, L, HW) -> (N, C, HW)
        messages = (cells @ gathers.transpose(1, 2).to(cells.dtype)) @ hands_out.to(cells.dtype)
        joined = (entities + self.message_norm(messages.unflatten(2, entities.shape[2:]))).relu()
        return F.normalize(self.update_norm(self.update(joined)).relu(), eps=1e-6)

    def edges(self, cells: Tensor, text: TextFeatures, relations: Tensor):
        """The two factors of A^T.

        Args:
            cells (Tensor): M, (N, C, HW).
            text (TextFeatures): The N expressions.
            relations (Tensor): p^rel, (N, L).

        Returns:
            tuple[Tensor, Tensor]: Both (N, L, HW): softmax over the cells, what each word gathers, and softmax over the
            real words, whom it hands it to.
        """
        words = self.word(text.words)
        # (N, L, C) @ (N, C, HW), and what the bias of W_x gives each word
        affinity = words @ self.node.weight @ cells + F.linear(words, self.node.bias[None])
        affinity = at_least_float32(affinity) * relations[..., None] / cells.shape[1]**0.5  # S'^T, (N, L, HW)
        padding = ~text.mask[..., None]
        return affinity.softmax(dim=2), affinity.masked_fill(padding, float('-inf')).softmax(dim=1)
