"""Resizes a picture with any number of masks."""

import cv2
import numpy as np
from mmcv.transforms import Resize

from mmrefseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RefResize(Resize):
    """mmcv's ``Resize``, with masks (H, W, E) of any E >= 1 that keep their last dimension.

    Masks take the size of the resized picture, by nearest neighbour with pixel centres aligned, as
    PIL has it (cv2's plain "nearest" aligns corners and is off by up to a pixel).

    Args:
        scale (int | tuple): (width, height) to resize to, or to fit into with ``keep_ratio``.
        scale_factor (float | tuple): Or the factor(s).
        keep_ratio (bool): Keep the aspect ratio.
        backend (str): Of the picture: ``'cv2'`` (default), or ``'pillow'``, whose bilinear filter
            takes in all pixels when it shrinks, as torchvision on PIL pictures does (LAVT's code).
        interpolation (str): Of the picture, ``'bilinear'`` by default.
    """

    def _resize_seg(self, results: dict) -> None:
        masks = results.get('gt_seg_map')
        if masks is None:
            return
        height, width = results['img'].shape[:2]
        planes = masks[..., None] if masks.ndim == 2 else masks
        # One by one: cv2 limits channels, and drops the last dimension when it is 1.
        resized = np.stack([
            cv2.resize(np.ascontiguousarray(planes[..., number]), (width, height),
                       interpolation=cv2.INTER_NEAREST_EXACT)
            for number in range(planes.shape[-1])])
        results['gt_seg_map'] = resized[0] if masks.ndim == 2 else resized.transpose(1, 2, 0)
