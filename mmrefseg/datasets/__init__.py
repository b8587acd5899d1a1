"""Datasets in the refer format."""

from .index_cache import open_refer_index
from .masks import decode_segmentation
from .refcoco import RefCOCODataset, RefCOCOgDataset, RefCOCOPlusDataset
from .refer_dataset import ReferDataset
from .refer_index import ReferIndex
from .refer_pickle import load_refer_pickle
from .refer_reader import read_refer_index
from .referit import ReferItDataset
from .refshapes import RefShapesDataset

__all__ = [
    'RefCOCODataset', 'RefCOCOPlusDataset', 'RefCOCOgDataset', 'RefShapesDataset', 'ReferDataset',
    'ReferItDataset', 'ReferIndex', 'decode_segmentation', 'load_refer_pickle', 'open_refer_index',
    'read_refer_index'
]
