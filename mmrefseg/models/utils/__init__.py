"""Small tensor functions that several parts share."""

from .coordinate_map import coordinate_map
from .downsample import downsample_target
from .expressions import expand_to_expressions
from .linear_norm_relu import LinearNormReLU, normalize_rows
from .merge_levels import MergeLevels
from .sine_positions import sine_positions

__all__ = [
    'LinearNormReLU', 'MergeLevels', 'coordinate_map', 'downsample_target', 'expand_to_expressions',
    'normalize_rows', 'sine_positions'
]
