"""The parts a referring-segmentation model is combined from."""

from mmrefseg.compat import mend_mmseg_messages

from .adapters import DenseAligner, DenseConvolutions, TextAdapter
from .backbones import (
    AlignedDINOv2,
    AutoBackbone,
    CLIPResNet,
    ConvStem,
    LAVTSwin,
    SpatialAttentionPool,
    StemSwin,
)
from .decode_heads import (
    BaseRefHead,
    CGAHead,
    DynamicClassifierHead,
    DynamicKernelHead,
    ExistenceHead,
    LevelHead,
    LFRHead,
    LocateHead,
    LTSMaskHead,
    MaskHead,
    ReLAHead,
    SADLRHead,
)
from .decoders import (
    CASGDecoder,
    CRISDecoder,
    FPNDecoder,
    LAVTDecoder,
    LTSDecoder,
    M3MaskDecoder,
    MaskFeatureDecoder,
    PriorConcat,
    VLTDecoder,
    VLTWordDecoder,
)
from .foundation import (
    CLIPSegSegmentor,
    Florence2Segmentor,
    FoundationSegmentor,
    GroundedSegmentor,
    ImageListPreprocessor,
    PromptableSegmenter,
    RegionReranker,
    SAM3Segmentor,
    ZeroShotDetector,
    brings_weights,
)
from .fusion import (
    ACM,
    PWAM,
    S2RM,
    ACMFusion,
    CARISFusion,
    CARISLayer,
    CMPCFusion,
    ConvLSTM,
    CoordinateConv,
    CRISFusion,
    DETRISFusion,
    EntityPerception,
    GenericDecLayer,
    ImageFusion,
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
from .necks import DeformableNeck
from .segmentors import MaskingOptions, MaskRIS, RefSegmentor, TwoPassDataParallel, compile_parts
from .text_encoders import BERTEncoder, CLIPTextEncoder, PromptedBERTEncoder, RNNEncoder, Vocabulary

mend_mmseg_messages()

__all__ = [
    'ACM', 'ACMFusion', 'AlignedDINOv2', 'AutoBackbone', 'BERTEncoder', 'BaseRefHead', 'CARISFusion', 'CARISLayer',
    'CASGDecoder', 'CGAHead', 'CLIPResNet', 'CLIPSegSegmentor', 'CLIPTextEncoder', 'CMPCFusion', 'CRISDecoder',
    'CRISFusion', 'ConvLSTM', 'ConvStem', 'CoordinateConv', 'DETRISFusion', 'DeformableNeck', 'DenseAligner',
    'DenseConvolutions', 'DynamicClassifierHead', 'DynamicKernelHead', 'EntityPerception', 'ExistenceHead',
    'FPNDecoder', 'Florence2Segmentor', 'FoundationSegmentor', 'GenericDecLayer', 'GroundedSegmentor',
    'ImageFusion', 'ImageListPreprocessor', 'IterativeInteraction', 'LAVTDecoder', 'LAVTSwin', 'LFRHead',
    'LTSDecoder', 'LTSFusion', 'LTSMaskHead', 'LastLevelFusion', 'LevelHead', 'LocateHead', 'M3Att', 'M3Dec',
    'M3DecLayer', 'M3MaskDecoder', 'MaskFeatureDecoder', 'MaskHead', 'MaskRIS', 'MaskingOptions',
    'MultiScaleFusion', 'PWAM', 'PWAMFusion', 'PriorConcat', 'PromptableSegmenter', 'PromptedBERTEncoder',
    'QueryBalance', 'QueryGeneration', 'RNNEncoder', 'ReLAHead', 'RefCrossEntropyLoss', 'RefDiceLoss',
    'RefSegmentor', 'RegionReranker', 'RelationGraph', 'RelevanceFilter', 'S2RM', 'S2RMBalancing', 'S2RMCoparsing',
    'S2RMDistribution', 'SADLRHead', 'SAM3Segmentor', 'ScoreLocator', 'SpatialAttentionPool', 'StemSwin', 'TextAdapter',
    'TextGuidedExchange', 'TileConcat', 'TileConcatFusion', 'TransformerLocator', 'TwoPassDataParallel',
    'VLTDecoder', 'VLTFusion', 'VLTWordDecoder', 'Vocabulary', 'WordTypes', 'ZeroShotDetector', 'brings_weights',
    'compile_parts'
]
