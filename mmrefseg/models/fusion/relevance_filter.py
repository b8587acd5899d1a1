"""LTS' relevance filtering: where does the map answer to the sentence? (LTS, CVPR 2021, §3.2)."""

from typing import Optional

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import TextFeatures


@MODELS.register_module()
class RelevanceFilter(BaseModule):
    """A 1x1 kernel made of the sentence, convolved with F_m3 (Eq. 8).

    ``K = f_text W_k``, ``H_mask = conv(K, F_m3)``: the response is the heatmap, as logits.

    Table 5 filters n times; how is not said. Here each further filtering has a kernel of its own, looks where the
    response was high so far, and adds to it, so that n = 1 is Eq. 8::

        H_1 = conv(K_1, F_m3)
        H_i = H_{i-1} + conv(K_i, F_m3 * sigmoid(H_{i-1})),    K_i = f_text W_k^i,    i = 2 … n

    Table 5's WordFilter makes a kernel of every word and, as DMN, has to "regress all the generated maps" into one;
    how is not said. Here the maps are added up with weights that the words earn, ``H_i = sum_t a_t conv(h_t W_k^i, .)``
    with ``a = softmax(h W_a)`` over the real words. (Their plain mean would be the sentence's filter again.) Filtering
    is linear in the kernel, so the sum is taken of the kernels, and the map is filtered once.

    Args:
        channels (int): d_k, the C of the map.
        text_channels (int): C of words and sentence.
        num_filterings (int): n. Defaults to 1.
        per_word (bool): WordFilter: a kernel of every word. Defaults to False: one of the sentence.
        init_cfg (dict, optional): Initialization, as in mmengine. The default starts with kernels small enough for
            logits of order 1, whatever ``channels`` is.

    Raises:
        ValueError: ``num_filterings`` is below 1.
    """

    def __init__(self,
                 channels: int,
                 text_channels: int,
                 num_filterings: int = 1,
                 per_word: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg or dict(type='Normal', layer='Linear', std=0.01))
        if num_filterings < 1:
            raise ValueError(f'fusion.locator.num_filterings is {num_filterings}, expected 1 or more')
        self.kernels = nn.ModuleList(
            nn.Linear(text_channels, channels, bias=False) for _ in range(num_filterings))  # W_k
        self.word_score = nn.Linear(text_channels, 1, bias=False) if per_word else None  # W_a

    def forward(self, fused: Tensor, text: TextFeatures) -> Tensor:
        """Filter.

        Args:
            fused (Tensor): F_m3, (N, C, H, W).
            text (TextFeatures): The N expressions; ``sentence`` is f_text.

        Returns:
            Tensor: H_mask, (N, 1, H, W) logits.
        """
        described = text.sentence if self.word_score is None else self.attended_words(text)
        first, *others = (kernel(described) for kernel in self.kernels)
        response = convolve(first, fused)
        for kernel in others:
            response = response + convolve(kernel, fused * response.sigmoid())
        return response

    def attended_words(self, text: TextFeatures) -> Tensor:
        """The words added up with their weights a_t: (N, L, C_t) -> (N, C_t)."""
        scores = self.word_score(text.words).masked_fill(~text.mask[..., None], float('-inf'))  # (N, L, 1)
        return (scores.softmax(dim=1) * text.words).sum(dim=1)


def convolve(kernel: Tensor, fused: Tensor) -> Tensor:
    """Convolve each map (N, C, H, W) with its own 1x1 kernel (N, C) -> (N, 1, H, W)."""
    # (N, 1, C) @ (N, C, HW) -> (N, 1, HW) -> (N, 1, H, W)
    return torch.bmm(kernel[:, None], fused.flatten(2)).unflatten(2, fused.shape[2:])
