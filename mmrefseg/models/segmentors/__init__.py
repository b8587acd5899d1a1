"""The model that runs the parts."""

from .compile_parts import compile_parts
from .mask_ris import MaskRIS
from .masking_options import MaskingOptions
from .ref_data_preprocessor import RefDataPreProcessor
from .ref_segmentor import RefSegmentor
from .two_pass_data_parallel import TwoPassDataParallel

__all__ = ['MaskRIS', 'MaskingOptions', 'RefDataPreProcessor', 'RefSegmentor', 'TwoPassDataParallel', 'compile_parts']
