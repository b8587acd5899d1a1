"""Options of MaskRIS: what is hidden, and how its two passes weigh."""

from dataclasses import dataclass, fields
from typing import Optional


@dataclass(frozen=True)
class MaskingOptions:
    """``model.masking`` of :class:`MaskRIS`; the defaults are the paper's.

    Attributes:
        image_ratio (float): Patches of the image at zero; 0 leaves images as they are.
        patch_size (int): Side of a patch, in pixels.
        grid (bool): A regular grid in place of patches at random.
        word_ratio (float): Words that are chosen; 0 leaves expressions as they are.
        first_weight (float): Of the losses of the pass that sees all; the masked one has the rest. 0.25 is the best of
            the paper's ablation; 1 is training without masks.
        distill (bool): The masked pass learns the first one's prediction. False: the truth.

    Raises:
        ValueError: A value is out of range; in :meth:`from_config`, a key is unknown.
    """

    image_ratio: float = 0.75
    patch_size: int = 32
    grid: bool = False
    word_ratio: float = 0.15
    first_weight: float = 0.5
    distill: bool = True

    def __post_init__(self) -> None:
        for name in ('image_ratio', 'word_ratio', 'first_weight'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'model.masking.{name} is {getattr(self, name)}, expected a number from 0 to 1')
        if self.patch_size < 1:
            raise ValueError(f'model.masking.patch_size is {self.patch_size}, expected 1 pixel or more')
        if self.grid and self.image_ratio not in (0, 0.75):
            raise ValueError(f'model.masking.image_ratio is {self.image_ratio}, but a grid keeps one patch of four: '
                             'expected 0.75')

    @classmethod
    def from_config(cls, config: Optional[dict]) -> 'MaskingOptions':
        """The options that a config names; None: the defaults."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(config or {}) - set(known))
        if unknown:
            raise ValueError(f'model.masking has the key {unknown[0]!r}, expected some of {", ".join(known)}')
        return cls(**(config or {}))
