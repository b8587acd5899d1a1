"""A mask of each level, in training only (CMPC, CVPR 2020)."""

from typing import Dict, Sequence

from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads

from .base_ref_head import BaseRefHead


@MODELS.register_module()
class LevelHead(BaseRefHead):
    """A 3x3 convolution from each of some fused levels to a mask of its own; for ``auxiliary_head``.

    CMPC scores each level before they are joined and adds the losses, weighted, to that of the final mask.

    Args:
        level_channels (Sequence[int]): C of every fused level.
        levels (Sequence[int]): Which of them get a mask. Defaults to (0, 1, 2).
        **kwargs: As :class:`BaseRefHead`; the weight of a level's loss is its ``loss_weight``.

    Raises:
        ValueError: A level is not among those of ``level_channels``; the head is asked for a mask.
    """

    def __init__(self, level_channels: Sequence[int], levels: Sequence[int] = (0, 1, 2), **kwargs) -> None:
        super().__init__(in_channels=None, **kwargs)
        if not levels or not all(0 <= level < len(level_channels) for level in levels):
            raise ValueError(f'auxiliary_head.levels of LevelHead is {tuple(levels)}, expected some of 0 to '
                             f'{len(level_channels) - 1}: level_channels names {len(level_channels)} levels')
        self.reads = Reads(maps=tuple(level_channels))
        self.levels = tuple(levels)
        self.classifiers = nn.ModuleList(
            nn.Conv2d(level_channels[level], self.num_classes, 3, padding=1) for level in self.levels)

    def forward(self, decoded: Tensor, features: MultiModalFeatures) -> Sequence[Tensor]:
        """The fused levels -> a list of logits (N, K, h, w), one a level."""
        return [classify(features.maps[level]) for level, classify in zip(self.levels, self.classifiers)]

    def predict(self, decoded: Tensor, features: MultiModalFeatures) -> Tensor:
        """Give no mask: a level's score trains alone."""
        raise ValueError('LevelHead gives a mask of each level: it belongs in model.auxiliary_head, not in '
                         'model.decode_head')

    def loss(self, decoded: Tensor, features: MultiModalFeatures, target: Tensor) -> Dict[str, Tensor]:
        """The losses of all levels, ``<loss>_level<i>``; arguments as in the base class."""
        return {
            f'{name}_level{level}': value
            for level, logits in zip(self.levels, self(decoded, features))
            for name, value in self.mask_losses(logits, target).items()
        }
