"""The parts a referring-segmentation model is combined from."""

from .backbones import AutoBackbone, ConvStem, LAVTSwin, StemSwin
from .decode_heads import (
    BaseRefHead,
    CGAHead,
    ExistenceHead,
    LFRHead,
    LocateHead,
    LTSMaskHead,
    MaskHead,
    SADLRHead,
)
from .decoders import (
    CASGDecoder,
    FPNDecoder,
    LAVTDecoder,
    LTSDecoder,
    M3MaskDecoder,
    PriorConcat,
    VLTDecoder,
    VLTWordDecoder,
)
from .fusion import (
    ACM,
    PWAM,
    S2RM,
    ACMFusion,
    GenericDecLayer,
    IterativeInteraction,
    LastLevelFusion,
    LTSFusion,
    M3Att,
    M3Dec,
    M3DecLayer,
    MultiScaleFusion,
    PWAMFusion,
    QueryBalance,
    QueryGeneration,
    RelevanceFilter,
    S2RMBalancing,
    S2RMCoparsing,
    S2RMDistribution,
    TileConcat,
    TileConcatFusion,
    TransformerLocator,
    VLTFusion,
)
from .losses import RefCrossEntropyLoss, RefDiceLoss
from .segmentors import RefSegmentor, compile_parts
from .text_encoders import BERTEncoder, CLIPTextEncoder, RNNEncoder, Vocabulary

__all__ = [
    'ACM', 'ACMFusion', 'AutoBackbone', 'BERTEncoder', 'BaseRefHead', 'CASGDecoder', 'CGAHead', 'CLIPTextEncoder',
    'ConvStem', 'ExistenceHead', 'FPNDecoder', 'GenericDecLayer', 'IterativeInteraction', 'LAVTDecoder', 'LAVTSwin',
    'LFRHead', 'LTSDecoder', 'LTSFusion', 'LTSMaskHead', 'LastLevelFusion', 'LocateHead', 'M3Att', 'M3Dec',
    'M3DecLayer', 'M3MaskDecoder', 'MaskHead', 'MultiScaleFusion', 'PWAM', 'PWAMFusion', 'PriorConcat', 'QueryBalance',
    'QueryGeneration', 'RNNEncoder', 'RefCrossEntropyLoss', 'RefDiceLoss', 'RefSegmentor', 'RelevanceFilter', 'S2RM',
    'S2RMBalancing', 'S2RMCoparsing', 'S2RMDistribution', 'SADLRHead', 'StemSwin', 'TileConcat', 'TileConcatFusion',
    'TransformerLocator', 'VLTDecoder', 'VLTFusion', 'VLTWordDecoder', 'Vocabulary', 'compile_parts'
]
