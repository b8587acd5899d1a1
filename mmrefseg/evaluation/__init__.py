"""Metrics of referring image segmentation."""

from .gref_metric import GRefMetric
from .length_groups import LENGTH_GROUPS
from .protocols import PROTOCOLS, Protocol, get_protocol
from .ref_iou_metric import RefIoUMetric

__all__ = ['GRefMetric', 'LENGTH_GROUPS', 'PROTOCOLS', 'Protocol', 'RefIoUMetric', 'get_protocol']
