"""Masks as data sets hold them: polygons, run lengths, and image files."""

from .decode import decode_segmentation

__all__ = ['decode_segmentation']
