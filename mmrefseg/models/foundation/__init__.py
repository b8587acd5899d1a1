"""Segmentors that need no training here: models of transformers, read from the hub or a folder."""

from .clipseg_segmentor import CLIPSegSegmentor
from .florence2_segmentor import Florence2Segmentor
from .foundation_segmentor import Found, FoundationSegmentor, brings_weights
from .grounded_segmentor import GroundedSegmentor
from .image_list_preprocessor import ImageListPreprocessor
from .promptable_segmenter import PromptableSegmenter
from .region_reranker import RegionReranker
from .sam3_segmentor import SAM3Segmentor
from .zero_shot_detector import Boxes, ZeroShotDetector

__all__ = [
    'Boxes', 'CLIPSegSegmentor', 'Florence2Segmentor', 'FoundationSegmentor', 'Found', 'GroundedSegmentor',
    'ImageListPreprocessor', 'PromptableSegmenter', 'RegionReranker', 'SAM3Segmentor',
    'ZeroShotDetector', 'brings_weights'
]
