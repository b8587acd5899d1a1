"""Transforms for pictures with expressions."""

from .formatting import PackRefInputs
from .loading import LoadRefAnnotations, LoadRefImage
from .random_flip_expression import RandomFlipExpression
from .ref_resize import RefResize

__all__ = [
    'LoadRefAnnotations', 'LoadRefImage', 'PackRefInputs', 'RandomFlipExpression', 'RefResize'
]
