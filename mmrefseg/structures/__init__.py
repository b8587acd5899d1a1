"""What passes between the parts."""

from .features import MultiModalFeatures, TextFeatures
from .ref_data_sample import RefDataSample, image_index_of

__all__ = ['MultiModalFeatures', 'RefDataSample', 'TextFeatures', 'image_index_of']
