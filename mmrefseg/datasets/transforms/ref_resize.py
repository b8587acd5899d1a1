"""Resizes an image with any number of masks."""

from typing import Tuple

import mmcv
import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import Resize

from mmrefseg.registry import TRANSFORMS
from mmrefseg.utils.nearest import resize_nearest

from .loading import REDUCED, reduced_shape


@TRANSFORMS.register_module()
class RefResize(Resize):
    """mmcv's ``Resize``, with masks (H, W, E) of any E >= 1 that keep their last dimension.

    Masks take the size of the resized image, by nearest neighbour with pixel centres aligned, as
    PIL has it (cv2's plain "nearest" aligns corners and is off by up to a pixel). They need not be loaded yet:
    ``LoadRefAnnotations(size='input')`` behind gives the same ones.

    Args:
        scale (int | tuple): (width, height) to resize to, or to fit into with ``keep_ratio``.
        scale_factor (float | tuple): Or the factor(s).
        keep_ratio (bool): Keep the aspect ratio.
        backend (str): Of the image: ``'cv2'`` (default), or ``'pillow'``, whose bilinear filter
            takes in all pixels when it shrinks, as torchvision on PIL images does (LAVT's code), or ``'torch'``: the
            same filter several times as fast, where some values are off by one of 255 since it rounds its weights.
        interpolation (str): Of the image, ``'bilinear'`` by default.

    Raises:
        ValueError: ``backend='torch'`` with another interpolation than bilinear; or ``LoadRefImage(reduce_to=…)`` comes
            before, and the image is not its any more, or the size is no fixed one or larger than what ``reduce_to``
            has left.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.backend == 'torch' and self.interpolation != 'bilinear':  # its bicubic is not Pillow's
            raise ValueError(
                f"RefResize: backend='torch' has the interpolation 'bilinear', found {self.interpolation!r}")

    def _resize_img(self, results: dict) -> None:
        img = results['img']
        height, width = self._whole_shape(results)
        size = tuple(results['scale'])  # w, h
        if self.keep_ratio:
            size = mmcv.rescale_size((width, height), size)
        if (height, width) != img.shape[:2] and (size[0] > img.shape[1] or size[1] > img.shape[0]):
            raise ValueError(f'RefResize: scale asks for {size} (width, height) where LoadRefImage.reduce_to has left '
                             f'{img.shape[1::-1]}: give both the same size')
        if self.backend == 'torch':
            results['img'] = resize_antialiased(img, size)
        else:
            results['img'] = mmcv.imresize(img, size, interpolation=self.interpolation, backend=self.backend)
        results['img_shape'] = results['img'].shape[:2]
        results['scale_factor'] = (size[0] / width, size[1] / height)
        results['keep_ratio'] = self.keep_ratio

    def _whole_shape(self, results: dict) -> Tuple[int, int]:
        """H, W of what is resized, which ``img`` may be a reduced image of."""
        height, width = results['img'].shape[:2]
        whole = results.pop('whole_shape', None)
        if whole is None:
            return height, width
        if self.scale is None or (height, width) not in [reduced_shape(whole, factor) for factor in REDUCED]:
            raise ValueError('RefResize: LoadRefImage(reduce_to=…) needs a RefResize(scale=…) that comes next')
        return whole

    def _resize_seg(self, results: dict) -> None:
        masks = results.get('gt_seg_map')
        if masks is None:
            return
        height, width = results['img'].shape[:2]
        planes = masks[..., None] if masks.ndim == 2 else masks
        resized = np.stack([resize_nearest(planes[..., number], (height, width)) for number in range(planes.shape[-1])])
        results['gt_seg_map'] = resized[0] if masks.ndim == 2 else resized.transpose(1, 2, 0)


def resize_antialiased(img: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
    """Resize as Pillow's bilinear filter does, to within one grey level.

    Args:
        img (np.ndarray): (H, W, C).
        size (tuple[int, int]): w, h.

    Returns:
        np.ndarray: (h, w, C), of the same type.
    """
    # (H, W, C) -> (1, C, H, W) without a copy: channels last is what the fast kernel reads
    pixels = torch.from_numpy(np.ascontiguousarray(img))[None].permute(0, 3, 1, 2)
    resized = F.interpolate(pixels, size=size[::-1], mode='bilinear', antialias=True)
    # (1, C, h, w) -> (h, w, C)
    return np.ascontiguousarray(resized[0].permute(1, 2, 0).numpy())
