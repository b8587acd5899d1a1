"""Lists of (image, mask, expression): rows of JSON, JSON lines, CSV or TSV, and the index made of them."""

from .index import TripletIndex, open_triplet_index
from .reader import TripletList, read_triplets
from .rows import Row, read_rows

__all__ = ['Row', 'TripletIndex', 'TripletList', 'open_triplet_index', 'read_rows', 'read_triplets']
