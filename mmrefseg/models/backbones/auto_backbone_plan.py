"""Plan of a backbone of transformers: levels and strides, found without computing anything."""

from dataclasses import dataclass
from typing import Optional, Tuple

import torch
from transformers import AutoBackbone, PretrainedConfig


@dataclass(frozen=True)
class BackbonePlan:
    """Levels, strides and unused parameters of a backbone, from a run without numbers.

    Attributes:
        channels (tuple[int]): C of each map.
        strides (tuple[int]): Pixels of an image for a pixel of each map.
        patch_size (int, optional): That of a plain transformer, whose maps all have it for a stride.
        idle (tuple[str]): Names of the parameters that the maps do not depend on.
    """

    channels: Tuple[int, ...]
    strides: Tuple[int, ...]
    patch_size: Optional[int]
    idle: Tuple[str, ...]


def plan_backbone(config: PretrainedConfig) -> BackbonePlan:
    """Run the model on torch's meta device, which knows shapes and gradients' ways but no numbers.

    transformers tells the widths (``channels``), though not of every model those of its maps, and no strides.

    Args:
        config (PretrainedConfig): With ``out_features``.

    Raises:
        ValueError: transformers has no backbone of this kind, or it does not run.
    """
    size = getattr(config, 'image_size', None) or 224
    height, width = (size, size) if isinstance(size, int) else size
    try:
        with torch.device('meta'):
            model = AutoBackbone.from_config(config).float().eval()  # a config of the hub may say half precision
            maps = model(torch.empty(1, 3, height, width)).feature_maps
    except (ImportError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f'backbone: {config.model_type} of transformers cannot be run: {error}') from error
    names, values = zip(*model.named_parameters())
    gradients = torch.autograd.grad(sum(level.sum() for level in maps), values, allow_unused=True)
    strides = tuple(round(height / level.shape[2]) for level in maps)
    patch_size = getattr(config, 'patch_size', None)
    patch_size = patch_size[0] if isinstance(patch_size, list) else patch_size
    return BackbonePlan(
        channels=tuple(level.shape[1] for level in maps),
        strides=strides,
        patch_size=patch_size if set(strides) == {patch_size} else None,
        idle=tuple(name for name, gradient in zip(names, gradients) if gradient is None))
