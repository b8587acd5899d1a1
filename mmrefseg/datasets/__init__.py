"""Datasets in the refer format."""

from .grefcoco import GRefCOCODataset
from .masks.decode import decode_segmentation
from .mixed_ref_dataset import MixedRefDataset
from .phrasecut import PhraseCutDataset
from .reasonseg import ReasonSegDataset
from .refcoco import RefCOCODataset, RefCOCOgDataset, RefCOCOPlusDataset
from .refer_dataset import ReferDataset
from .refer_format.gref_json import load_gref_json
from .refer_format.index import ReferIndex
from .refer_format.index_cache import open_refer_index
from .refer_format.reader import read_refer_index
from .refer_format.restricted_pickle import load_refer_pickle
from .referit import ReferItDataset
from .refshapes import GRefShapesDataset, RefShapesDataset
from .refshapes_attributes import RefShapesAttributesDataset
from .triplet_list_dataset import TripletListDataset

__all__ = [
    'GRefCOCODataset', 'GRefShapesDataset', 'MixedRefDataset', 'PhraseCutDataset',
    'ReasonSegDataset', 'RefCOCODataset', 'RefCOCOPlusDataset',
    'RefCOCOgDataset', 'RefShapesAttributesDataset', 'RefShapesDataset',
    'ReferDataset', 'ReferIndex', 'ReferItDataset', 'TripletListDataset',
    'decode_segmentation', 'load_gref_json', 'load_refer_pickle', 'open_refer_index', 'read_refer_index'
]
