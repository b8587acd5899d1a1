"""Transforms for images with expressions."""

from .formatting import PackRefInputs
from .letterbox import Letterbox
from .loading import LoadRefAnnotations, LoadRefImage
from .random_flip_expression import RandomFlipExpression
from .ref_resize import RefResize
from .shape_attributes import LoadShapeAttributes

__all__ = [
    'Letterbox', 'LoadRefAnnotations', 'LoadRefImage', 'LoadShapeAttributes', 'PackRefInputs', 'RandomFlipExpression',
    'RefResize'
]
