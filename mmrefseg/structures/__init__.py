"""Structures that pass between the parts."""

from .device_index import device_index
from .features import MultiModalFeatures, TextFeatures
from .letterbox_geometry import LetterboxGeometry
from .masks_on_host import masks_on_host
from .part_contract import Gives, Reads
from .ref_data_sample import RefDataSample, image_index_of

__all__ = [
    'Gives', 'LetterboxGeometry', 'MultiModalFeatures', 'Reads', 'RefDataSample', 'TextFeatures', 'device_index',
    'image_index_of', 'masks_on_host'
]
