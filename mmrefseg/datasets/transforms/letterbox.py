"""Fits an image with any number of masks into a rectangle, proportions kept."""

from typing import Sequence, Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmrefseg.registry import TRANSFORMS
from mmrefseg.structures import LetterboxGeometry

INTERPOLATIONS = dict(bilinear=cv2.INTER_LINEAR, bicubic=cv2.INTER_CUBIC)


@TRANSFORMS.register_module()
class Letterbox(BaseTransform):
    """Scale an image to fit into a rectangle, centre it there, and fill up what is left.

    As CRIS and its successors do: one affine warp, cubic, with margins that are no whole pixels. With ``whole_pixels``
    as VLT does: resized to whole pixels, cubic, and laid into the middle. ``test_cfg.eval_size='original'`` takes it
    back for the predictions.

    Masks that are loaded are warped linearly and cut at one half; what is beside the image is background. (CRIS
    trains with the soft edges of linear masks.)

    Required keys: ``img`` (H, W, 3). Optional: ``gt_seg_map`` (H, W, E) or (H, W).
    Modified keys: both, to (height, width) of ``scale``; ``img_shape``.
    Added keys: ``letterbox`` (:class:`LetterboxGeometry`), ``scale_factor`` (x, y), ``keep_ratio``.

    Args:
        scale (tuple[int, int]): (width, height).
        border (Sequence[float]): What the image is filled up with, in the order of its channels (BGR).
            Defaults to CLIP's mean.
        whole_pixels (bool): VLT's way. Defaults to False.
        interpolation (str): Of the image, 'bicubic' or 'bilinear'. Defaults to 'bicubic'.

    Raises:
        ValueError: Another interpolation, a ``scale`` below 1, or the image was loaded reduced
            (``LoadRefImage(reduce_to=…)``), which only ``RefResize`` takes.
    """

    def __init__(self,
                 scale: Tuple[int, int],
                 border: Sequence[float] = (104.09373615, 116.7460125, 122.7709383),
                 whole_pixels: bool = False,
                 interpolation: str = 'bicubic') -> None:
        if interpolation not in INTERPOLATIONS:
            raise ValueError(f'Letterbox: interpolation is {interpolation!r}, expected one of {sorted(INTERPOLATIONS)}')
        if len(scale) != 2 or min(scale) < 1:
            raise ValueError(f'Letterbox: scale is {tuple(scale)}, expected (width, height) in pixels')
        self.scale = tuple(scale)
        self.border = tuple(border)
        self.whole_pixels = whole_pixels
        self.interpolation = interpolation

    def transform(self, results: dict) -> dict:
        """Fit ``results``."""
        if 'whole_shape' in results:
            raise ValueError('Letterbox: the picture was loaded reduced (LoadRefImage.reduce_to), which only RefResize '
                             'takes')
        img, masks = results['img'], results.get('gt_seg_map')
        geometry = LetterboxGeometry.fit(img.shape, self.scale, self.whole_pixels)
        results['img'] = self._place(img, geometry, INTERPOLATIONS[self.interpolation], self.border)
        results['img_shape'] = results['img'].shape[:2]
        results['letterbox'] = geometry
        results['scale_factor'] = (geometry.scale_x, geometry.scale_y)
        results['keep_ratio'] = True
        if masks is not None:
            planes = masks[..., None] if masks.ndim == 2 else masks
            # One by one: cv2 limits channels, and drops the last dimension when it is 1.
            placed = np.stack([
                self._place(np.ascontiguousarray(planes[..., number]) * np.uint8(255), geometry, cv2.INTER_LINEAR, 0)
                for number in range(planes.shape[-1])])
            placed = (placed > 127).astype(masks.dtype)
            results['gt_seg_map'] = placed[0] if masks.ndim == 2 else placed.transpose(1, 2, 0)
        return results

    def _place(self, pixels: np.ndarray, geometry: LetterboxGeometry, flag: int, border) -> np.ndarray:
        """(H, W) or (H, W, C) -> the same of the rectangle's size."""
        if not geometry.whole_pixels:
            return cv2.warpAffine(pixels, geometry.matrix(), self.scale, flags=flag, borderValue=border)
        height, width = geometry.fitted_size(pixels.shape)
        resized = cv2.resize(pixels, (width, height), interpolation=flag)
        left, top = int(geometry.left), int(geometry.top)
        return cv2.copyMakeBorder(resized, top, self.scale[1] - top - height, left, self.scale[0] - left - width,
                                  cv2.BORDER_CONSTANT, value=border)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(scale={self.scale}, border={self.border}, whole_pixels={self.whole_pixels}, '
                f'interpolation={self.interpolation!r})')
