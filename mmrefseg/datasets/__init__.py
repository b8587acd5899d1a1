"""Datasets in the refer format."""

from .gref_json import load_gref_json
from .grefcoco import GRefCOCODataset
from .index_cache import open_refer_index
from .masks import decode_segmentation
from .mixed_ref_dataset import MixedRefDataset
from .refcoco import RefCOCODataset, RefCOCOgDataset, RefCOCOPlusDataset
from .refer_dataset import ReferDataset
from .refer_index import ReferIndex
from .refer_pickle import load_refer_pickle
from .refer_reader import read_refer_index
from .referit import ReferItDataset
from .refshapes import GRefShapesDataset, RefShapesDataset
from .triplet_list_dataset import TripletListDataset

__all__ = [
    'GRefCOCODataset', 'GRefShapesDataset', 'MixedRefDataset', 'RefCOCODataset', 'RefCOCOPlusDataset',
    'RefCOCOgDataset', 'RefShapesDataset', 'ReferDataset', 'ReferIndex', 'ReferItDataset', 'TripletListDataset',
    'decode_segmentation', 'load_gref_json', 'load_refer_pickle', 'open_refer_index', 'read_refer_index'
]
