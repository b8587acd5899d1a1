"""Using a trained model from Python."""

from .model_zoo import (
    ZooModel,
    find_zoo_model,
    is_on_this_disk,
    list_foundation_models,
    list_released_models,
    list_zoo_models,
    zoo_models,
)
from .ref_seg_inferencer import RefSegInferencer

__all__ = [
    'RefSegInferencer', 'ZooModel', 'find_zoo_model', 'is_on_this_disk', 'list_foundation_models',
    'list_released_models', 'list_zoo_models', 'zoo_models'
]
