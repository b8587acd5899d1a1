"""Modules that join the maps of an image with an expression."""

from .acm import ACM
from .acm_fusion import ACMFusion
from .caris_fusion import CARISFusion
from .caris_layer import CARISLayer
from .cmpc_fusion import CMPCFusion
from .conv_lstm import ConvLSTM
from .coordinate_conv import CoordinateConv
from .cris_fusion import CRISFusion
from .detris_fusion import DETRISFusion
from .entity_perception import EntityPerception
from .generic_dec_layer import GenericDecLayer
from .image_fusion import ImageFusion
from .iterative_interaction import IterativeInteraction
from .last_level_fusion import LastLevelFusion
from .lts_fusion import LTSFusion
from .m3att import M3Att
from .m3dec import M3Dec
from .m3dec_layer import M3DecLayer
from .multi_scale_fusion import MultiScaleFusion
from .pwam import PWAM
from .pwam_fusion import PWAMFusion
from .query_balance import QueryBalance
from .query_generation import QueryGeneration
from .relation_graph import RelationGraph
from .relevance_filter import RelevanceFilter
from .s2rm import S2RM
from .s2rm_balancing import S2RMBalancing
from .s2rm_coparsing import S2RMCoparsing
from .s2rm_distribution import S2RMDistribution
from .score_locator import ScoreLocator
from .text_guided_exchange import TextGuidedExchange
from .tile_concat import TileConcat
from .tile_concat_fusion import TileConcatFusion
from .transformer_locator import TransformerLocator
from .vlt_fusion import VLTFusion
from .word_types import WordTypes

__all__ = [
    'ACM', 'ACMFusion', 'CARISFusion', 'CARISLayer', 'CMPCFusion', 'CRISFusion', 'ConvLSTM', 'CoordinateConv',
    'DETRISFusion', 'EntityPerception', 'GenericDecLayer', 'ImageFusion', 'IterativeInteraction', 'LTSFusion',
    'LastLevelFusion', 'M3Att', 'M3Dec', 'M3DecLayer', 'MultiScaleFusion', 'PWAM', 'PWAMFusion', 'QueryBalance',
    'QueryGeneration', 'RelationGraph', 'RelevanceFilter', 'S2RM', 'S2RMBalancing', 'S2RMCoparsing',
    'S2RMDistribution', 'ScoreLocator', 'TextGuidedExchange', 'TileConcat', 'TileConcatFusion', 'TransformerLocator',
    'VLTFusion', 'WordTypes'
]
