"""Small tensor functions that several parts share."""

from .adaptive_average import adaptive_average
from .blank_run import channels_of_maps
from .checkpointing import checkpoint_blocks, checkpointed
from .coordinate_map import coordinate_map
from .deformable_attention import DeformableAttention, read_values
from .downsample import downsample_target
from .exporting import is_exporting
from .expressions import expand_to_expressions
from .feed_forward import FeedForward
from .freezing import freeze
from .linear_norm_relu import LinearNormReLU, normalize_rows
from .merge_levels import MergeLevels
from .patch_masking import mask_patches
from .pixel_levels import PixelLevels, PixelSequence
from .precision import at_least_float32, without_autocast
from .pretrained_init import PretrainedInit
from .projected_attention import ProjectedAttention
from .sine_positions import sine_map, sine_positions
from .sub_pixel import SubPixel
from .upsampled_conv import upsampled_conv

__all__ = [
    'DeformableAttention', 'FeedForward', 'LinearNormReLU', 'MergeLevels', 'PixelLevels', 'PixelSequence',
    'PretrainedInit', 'ProjectedAttention', 'SubPixel', 'adaptive_average', 'at_least_float32', 'channels_of_maps',
    'checkpoint_blocks', 'checkpointed', 'coordinate_map', 'downsample_target', 'expand_to_expressions', 'freeze',
    'is_exporting', 'mask_patches', 'normalize_rows', 'read_values', 'sine_map', 'sine_positions', 'upsampled_conv',
    'without_autocast'
]
