"""The refer format: ``instances.json`` with ``refs(<split_by>).p`` or ``grefs(…).json``, and the index made of them."""

from .gref_json import load_gref_json
from .index import ReferIndex
from .index_cache import open_refer_index
from .reader import read_refer_index
from .restricted_pickle import load_refer_pickle

__all__ = ['ReferIndex', 'load_gref_json', 'load_refer_pickle', 'open_refer_index', 'read_refer_index']
