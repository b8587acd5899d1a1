"""Packs a sample for the model."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData

from mmrefseg.errors import RefDataError
from mmrefseg.registry import TRANSFORMS
from mmrefseg.structures import RefDataSample

META_KEYS = ('img_path', 'image_id', 'ori_shape', 'img_shape', 'pad_shape', 'scale_factor', 'letterbox', 'flip',
             'flip_direction', 'expressions', 'ref_ids', 'sent_ids', 'no_targets', 'sample_idx', 'dataset_name')


@TRANSFORMS.register_module()
class PackRefInputs(BaseTransform):
    """Pack one image with its E expressions.

    Required keys: ``img`` (H, W, 3). Optional: ``gt_seg_map`` (H, W, E), or (H, W) where a
    transform dropped an E of 1.

    The result is ``dict(inputs=…, data_samples=…)``: ``inputs`` is the (3, H, W) tensor of the
    image; ``data_samples`` a ``RefDataSample`` with ``gt_sem_seg.data`` (E, H, W) uint8, if there
    are masks, and with the metainfo that is there.

    Args:
        meta_keys (Sequence[str]): The keys to keep as metainfo.

    Raises:
        RefDataError: There is another number of masks than of expressions.
    """

    def __init__(self, meta_keys: Sequence = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack ``results``."""
        img = results['img']
        img = img[..., None] if img.ndim == 2 else img
        # (H, W, 3) -> (3, H, W); cv2 writes into what it is given, several times as fast as numpy copies across
        inputs = np.empty((img.shape[2], *img.shape[:2]), img.dtype)
        cv2.split(img, list(inputs))
        data_sample = RefDataSample()
        if results.get('gt_seg_map') is not None:
            data_sample.gt_sem_seg = PixelData(data=self._pack_masks(results))
        data_sample.set_metainfo(
            {key: results[key] for key in self.meta_keys if key in results})
        return dict(inputs=torch.from_numpy(inputs), data_samples=data_sample)

    @staticmethod
    def _pack_masks(results: dict) -> torch.Tensor:
        masks = results['gt_seg_map']
        masks = masks[..., None] if masks.ndim == 2 else masks
        expressions = results.get('expressions')
        if expressions is not None and len(expressions) != masks.shape[-1]:
            raise RefDataError(
                f'{results.get("img_path")} has {len(expressions)} expressions and '
                f'{masks.shape[-1]} masks (gt_seg_map is {results["gt_seg_map"].shape})')
        # (H, W, E) -> (E, H, W)
        masks = np.ascontiguousarray(masks.transpose(2, 0, 1))
        return torch.from_numpy(masks.astype(np.uint8, copy=False))

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'
