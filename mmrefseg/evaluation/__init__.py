"""Metrics of referring image segmentation."""

from .length_groups import LENGTH_GROUPS
from .protocols import PROTOCOLS, Protocol, get_protocol
from .ref_iou_metric import RefIoUMetric

__all__ = ['LENGTH_GROUPS', 'PROTOCOLS', 'Protocol', 'RefIoUMetric', 'get_protocol']
