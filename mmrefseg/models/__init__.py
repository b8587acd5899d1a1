"""The parts a referring-segmentation model is combined from."""

from .backbones import ConvStem, LAVTSwin
from .decode_heads import BaseRefHead, MaskHead
from .decoders import LAVTDecoder
from .fusion import PWAM, PWAMFusion
from .losses import RefCrossEntropyLoss, RefDiceLoss
from .segmentors import RefSegmentor
from .text_encoders import BERTEncoder, RNNEncoder, Vocabulary

__all__ = [
    'BERTEncoder', 'BaseRefHead', 'ConvStem', 'LAVTDecoder', 'LAVTSwin', 'MaskHead', 'PWAM', 'PWAMFusion',
    'RNNEncoder', 'RefCrossEntropyLoss', 'RefDiceLoss', 'RefSegmentor', 'Vocabulary'
]
