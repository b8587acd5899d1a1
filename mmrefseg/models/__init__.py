"""The parts a referring-segmentation model is combined from."""

from .backbones import AutoBackbone, ConvStem, LAVTSwin, StemSwin
from .decode_heads import (
    BaseRefHead,
    CGAHead,
    ExistenceHead,
    LevelHead,
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
    CMPCFusion,
    ConvLSTM,
    EntityPerception,
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
    RelationGraph,
    RelevanceFilter,
    S2RMBalancing,
    S2RMCoparsing,
    S2RMDistribution,
    ScoreLocator,
    TextGuidedExchange,
    TileConcat,
    TileConcatFusion,
    TransformerLocator,
    VLTFusion,
    WordTypes,
)
from .losses import RefCrossEntropyLoss, RefDiceLoss
from .segmentors import RefSegmentor, compile_parts
from .text_encoders import BERTEncoder, CLIPTextEncoder, RNNEncoder, Vocabulary

__all__ = [
    'ACM', 'ACMFusion', 'AutoBackbone', 'BERTEncoder', 'BaseRefHead', 'CASGDecoder', 'CGAHead', 'CLIPTextEncoder',
    'CMPCFusion', 'ConvLSTM', 'ConvStem', 'EntityPerception', 'ExistenceHead', 'FPNDecoder', 'GenericDecLayer',
    'IterativeInteraction', 'LAVTDecoder', 'LAVTSwin', 'LFRHead', 'LTSDecoder', 'LTSFusion', 'LTSMaskHead',
    'LastLevelFusion', 'LevelHead', 'LocateHead', 'M3Att', 'M3Dec', 'M3DecLayer', 'M3MaskDecoder', 'MaskHead',
    'MultiScaleFusion', 'PWAM', 'PWAMFusion', 'PriorConcat', 'QueryBalance', 'QueryGeneration', 'RNNEncoder',
    'RefCrossEntropyLoss', 'RefDiceLoss', 'RefSegmentor', 'RelationGraph', 'RelevanceFilter', 'S2RM', 'S2RMBalancing',
    'S2RMCoparsing', 'S2RMDistribution', 'SADLRHead', 'ScoreLocator', 'StemSwin', 'TextGuidedExchange', 'TileConcat',
    'TileConcatFusion', 'TransformerLocator', 'VLTDecoder', 'VLTFusion', 'VLTWordDecoder', 'Vocabulary', 'WordTypes',
    'compile_parts'
]
