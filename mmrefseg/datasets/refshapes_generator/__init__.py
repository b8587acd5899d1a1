"""RefShapes: generated scenes and expressions in the refer format. Needs no torch."""

from .expressions import vocabulary
from .scenes import COLOURS, HELD_OUT, KINDS, ROUND_KINDS, SPLITS, TEXTURES
from .speakers import VARIANTS
from .writer import DEFAULT_SCENES, GENERATOR_VERSION, MANIFEST, generate_refshapes

__all__ = [
    'COLOURS', 'DEFAULT_SCENES', 'GENERATOR_VERSION', 'HELD_OUT', 'KINDS', 'MANIFEST',
    'ROUND_KINDS', 'SPLITS', 'TEXTURES', 'VARIANTS', 'generate_refshapes', 'vocabulary'
]
