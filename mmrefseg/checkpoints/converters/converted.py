"""Outcome of converting an official checkpoint, which every converter of a family gives."""

from dataclasses import dataclass, field
from typing import Dict, List

from torch import Tensor

from mmrefseg.errors import CheckpointError


class OfficialFormatError(CheckpointError):
    """An official checkpoint that is not as its family's code writes it."""


@dataclass(frozen=True)
class Converted:
    """Official weights under our names.

    Attributes:
        family (str): The method, as its paper calls it.
        state_dict (dict): Our names -> weights.
        config (str): A config of ours that the weights belong to, by its path below ``configs/``.
        options (dict): Dotted config keys that the weights need beside that config -> values
            (``{'model.backbone.fusion_heads': [1, 2, 4, 8]}``).
        left_out (list[str]): Official names left out on purpose.
        unknown (list[str]): Official names that the family's code does not have.
    """

    family: str
    state_dict: Dict[str, Tensor]
    config: str
    options: Dict[str, object] = field(default_factory=dict)
    left_out: List[str] = field(default_factory=list)
    unknown: List[str] = field(default_factory=list)


def bare(weights: dict) -> Dict[str, Tensor]:
    """Weights without the ``module.`` that DistributedDataParallel puts before their names."""
    return {name.removeprefix('module.'): value for name, value in weights.items()}
