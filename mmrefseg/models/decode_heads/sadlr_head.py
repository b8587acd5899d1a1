"""SADLR's head: localization and refinement in iterations (SADLR, AAAI 2023, §3)."""

from typing import Dict, List, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads

from ..utils import at_least_float32, is_exporting
from .base_ref_head import BaseRefHead
from .dynamic_convolution import DynamicConvolution

PIXELS_AT_ONCE = 1200  # 512 channels of them are 2.5 MB in float32: a core's own cache


@MODELS.register_module()
class SADLRHead(BaseRefHead):
    """Refines the mask of any decoder's Y with a query that turns from words into the object.

    ::

        words ─ mean, linear ─► Q_1 ─┐   ┌── Q_i = Q_{i-1} + O_{i-1} ◄── O = mean of Y inside M ◄──┐
                                     ▼   ▼                                                         │
        Y ──────────────► dynamic convolution ─► Z_i ─► 1x1 classifier ─► R_i ─ argmax ─► M_i ─────┘

    All parameters are shared by the n iterations (Fig. 3). M is a constant for the gradient (an argmax has none),
    Y inside it is not. An empty mask pools to zero: the query stays as it is (``sum``).

    The loss is ``sum_i lambda_i L_i`` (Eq. 3), the prediction R_n. With 0 iterations the head is :class:`MaskHead`.

    Args:
        in_channels (int): C of Y and of the query.
        text_channels (int): C of the words.
        num_iterations (int): n. Defaults to 3.
        dynamic_channels (Sequence[int]): Filters of each layer of the dynamic convolution.
            Defaults to ``[128, 512]``.
        query_update (str): 'sum' (Eq. 2) or 'replace', ``Q_i = O_{i-1}`` (Table 4c). Defaults to 'sum'.
        loss_weights (Sequence[float]): lambda_i, one an iteration. Defaults to (0.15, 0.15, 0.7).
        **kwargs: As :class:`BaseRefHead`. The paper's loss is ``RefDiceLoss``.

    Raises:
        ValueError: ``query_update`` is unknown, or the loss weights are not one an iteration.
    """

    takes_sub_pixel = True

    def __init__(self,
                 in_channels: int,
                 text_channels: int,
                 num_iterations: int = 3,
                 dynamic_channels: Sequence[int] = (128, 512),
                 query_update: str = 'sum',
                 loss_weights: Sequence[float] = (0.15, 0.15, 0.7),
                 **kwargs) -> None:
        super().__init__(in_channels, **kwargs)
        if query_update not in ('sum', 'replace'):
            raise ValueError(f"decode_head.query_update is {query_update!r}, expected 'sum' or 'replace'")
        if num_iterations and len(loss_weights) != num_iterations:
            raise ValueError(f'decode_head.loss_weights has {len(loss_weights)} weights {tuple(loss_weights)} for '
                             f'{num_iterations} iterations, expected one each')
        self.num_iterations = num_iterations
        self.reads = Reads(text=text_channels if num_iterations else None)
        self.query_update = query_update
        self.loss_weights = tuple(loss_weights)
        if num_iterations:
            self.sentence_query = nn.Linear(text_channels, self.channels)
            self.dynamic_convolution = DynamicConvolution(self.channels, dynamic_channels)
        classified = self.dynamic_convolution.out_channels if num_iterations else self.channels
        self.classifier = nn.Conv2d(classified, self.num_classes, 1)

    def forward(self, decoded: Tensor, features: MultiModalFeatures) -> Tensor:
        """Y (N, C, h, w) and the text -> logits R_n (N, K, h, w) of the last iteration."""
        return self.iterate(decoded, features)[-1]

    def iterate(self, decoded: Tensor, features: MultiModalFeatures) -> List[Tensor]:
        """The score maps of all iterations (§3.1).

        Args:
            decoded (Tensor): Y, (N, C, h, w).
            features (MultiModalFeatures): Of which the words are read.

        Returns:
            list[Tensor]: R_1 … R_n, (N, K, h, w) each; with 0 iterations the host's own.
        """
        decoded = self.finer(decoded)
        if not self.num_iterations:
            return [self.classifier(decoded)]
        # (N, C, h, w) -> (N, hw, C): the product below reads it as it lies, nothing is copied.
        pixels = decoded.flatten(2).transpose(1, 2)
        words, mask = features.text.words, features.text.mask[..., None]
        query = self.sentence_query((words * mask).sum(1) / mask.sum(1))  # Q_1 = S
        all_scores = []
        for iteration in range(self.num_iterations):
            if iteration > 0:
                query = self.update_query(query, pool_object(binary_mask(all_scores[-1]), pixels))
            kernels = self.dynamic_convolution.generate(query)
            all_scores.append(self.score(pixels, kernels).unflatten(2, decoded.shape[2:]))  # R_i
        return all_scores

    def score(self, pixels: Tensor, kernels: Sequence[Tensor]) -> Tensor:
        """Y (N, hw, C) and the generated kernels -> R (N, K, hw).

        At inference on a CPU some pixels at a time, whose Z then never leaves its cache.
        """
        if not in_pieces(pixels):
            return self.classify(self.dynamic_convolution.convolve(pixels, kernels))
        return torch.stack([self.score_in_pieces(row, own) for row, *own in zip(pixels, *kernels)])

    def score_in_pieces(self, pixels: Tensor, kernels: Sequence[Tensor]) -> Tensor:
        """:meth:`score` of one map: Y (hw, C) -> R (K, hw)."""
        weight, bias = self.classifier.weight.flatten(1), self.classifier.bias[:, None]
        # With the few classes first, single precision takes a quarter of the time.
        return torch.cat([torch.addmm(bias, weight, self.dynamic_convolution.convolve(piece, kernels).t())
                          for piece in pixels.split(PIXELS_AT_ONCE)], dim=1)

    def classify(self, pixels: Tensor) -> Tensor:
        """Z (N, hw, C') -> R (N, K, hw): the 1x1 convolution as a product, as the pixels lie in rows."""
        return F.linear(pixels, self.classifier.weight.flatten(1), self.classifier.bias).transpose(1, 2)

    def update_query(self, query: Tensor, pooled: Tensor) -> Tensor:
        """Q_{i-1} and O_{i-1}, (N, C) both -> Q_i (Eq. 2)."""
        return query + pooled if self.query_update == 'sum' else pooled

    def loss_and_logits(self, decoded: Tensor, features: MultiModalFeatures,
                        target: Tensor) -> Tuple[Dict[str, Tensor], Tensor]:
        """The weighted losses of all iterations (Eq. 3), ``<loss>_<i>``, and R_n; arguments as in the base class."""
        all_scores = self.iterate(decoded, features)
        if not self.num_iterations:
            return self.mask_losses(all_scores[0], target), all_scores[0]
        return {
            f'{name}_{iteration}': weight * value
            for iteration, (scores, weight) in enumerate(zip(all_scores, self.loss_weights), start=1)
            for name, value in self.mask_losses(scores, target).items()
        }, all_scores[-1]


def binary_mask(scores: Tensor) -> Tensor:
    """Scores (N, K, h, w) -> M (N, h, w) bool: argmax of two classes, a sigmoid above 0.5 of one."""
    scores = scores.detach()
    return scores[:, 1] > scores[:, 0] if scores.shape[1] == 2 else scores[:, 0] > 0


def pool_object(mask: Tensor, pixels: Tensor) -> Tensor:
    """The mean of Y inside M (SADLR Eq. 1): M (N, h, w), Y (N, hw, C) -> O (N, C), zero where M is empty."""
    # In parts: in half precision a sum over the whole map would be coarse, and float16 might not hold it.
    inside = mask.to(pixels)
    if in_pieces(pixels):
        sums = torch.stack([
            sum(at_least_float32(part @ piece)
                for part, piece in zip(own.flatten().split(PIXELS_AT_ONCE), row.split(PIXELS_AT_ONCE)))
            for own, row in zip(inside, pixels)])
    else:  # row by row: (N, h, 1, w) @ (N, h, w, C) -> (N, h, C)
        sums = at_least_float32((inside[:, :, None] @ pixels.unflatten(1, mask.shape[1:])).squeeze(2)).sum(1)
    return sums / mask.sum((1, 2)).clamp(min=1)[:, None]


def in_pieces(pixels: Tensor) -> bool:
    """Whether a map is taken some pixels at a time: at inference on a CPU, neither compiled nor exported."""
    return (pixels.is_cpu and not torch.is_grad_enabled() and not torch.compiler.is_compiling()
            and not is_exporting())
