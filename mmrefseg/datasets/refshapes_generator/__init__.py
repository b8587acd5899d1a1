"""RefShapes: generated scenes and expressions in the refer format. Needs no torch."""

from .expressions import vocabulary
from .generalized import generalized_vocabulary
from .scenes import COLOURS, HELD_OUT, KINDS, ROUND_KINDS, SHAPE_ATTRIBUTES, SPLITS, STYLES, TEXTURES
from .speakers import ALL_VARIANTS, GENERALIZED, VARIANTS
from .writer import DEFAULT_SCENES, GENERATOR_VERSION, MANIFEST, generate_refshapes

__all__ = [
    'ALL_VARIANTS', 'COLOURS', 'DEFAULT_SCENES', 'GENERALIZED', 'GENERATOR_VERSION', 'HELD_OUT', 'KINDS', 'MANIFEST',
    'ROUND_KINDS', 'SHAPE_ATTRIBUTES', 'SPLITS', 'STYLES', 'TEXTURES', 'VARIANTS', 'generalized_vocabulary',
    'generate_refshapes', 'vocabulary'
]
