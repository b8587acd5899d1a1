"""Loads a picture, and the masks of what its expressions refer to."""

from typing import Optional

import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile

from mmrefseg.errors import RefDataError
from mmrefseg.registry import TRANSFORMS

from ..masks import decode_segmentation


def _where(results: dict) -> str:
    refs = ', '.join(str(ref_id) for ref_id in results.get('ref_ids', []))
    return f'{results.get("img_path")}' + (f' (ref {refs})' if refs else '')


@TRANSFORMS.register_module()
class LoadRefImage(LoadImageFromFile):
    """Load a picture as (H, W, 3) BGR, whatever its file holds.

    Grayscale is repeated, transparency dropped, CMYK and 16 bits are converted. EXIF's orientation
    is ignored: the annotations were made on the pictures as stored, and the field's code bases read
    them so.

    Required keys: ``img_path``; ``height, width, ref_ids`` if there are.
    Added keys: ``img`` (H, W, 3), ``img_shape``, ``ori_shape`` (H, W).

    Args:
        to_float32 (bool): float32 instead of uint8.
        imdecode_backend (str): ``'cv2'``, ``'pillow'`` or ``'tifffile'`` (see ``mmcv.imread``).
        backend_args (dict, optional): Where files are read from (see ``mmengine.fileio``).
        check_size (bool): Whether the picture must have the ``height`` and ``width`` that its
            annotations state.

    Raises:
        RefDataError: The file is missing or broken, or of another size than its annotations.
    """

    def __init__(self, to_float32: bool = False, imdecode_backend: str = 'cv2',
                 backend_args: Optional[dict] = None, check_size: bool = True) -> None:
        super().__init__(
            to_float32=to_float32, color_type='color_ignore_orientation',
            imdecode_backend=imdecode_backend, backend_args=backend_args)
        self.check_size = check_size

    def transform(self, results: dict) -> dict:
        """Load the picture of ``results['img_path']``."""
        try:
            results = super().transform(results)
        except FileNotFoundError as error:
            raise RefDataError(f'picture {_where(results)} is missing') from error
        except Exception as error:  # each file backend and decoder raises its own
            raise RefDataError(
                f'picture {_where(results)} is broken or cannot be read '
                f'({type(error).__name__}: {error})') from error
        if results['img'].ndim != 3 or results['img'].shape[2] != 3:
            raise RefDataError(
                f'picture {_where(results)} was decoded to the shape {results["img"].shape} where '
                '(H, W, 3) was expected; use another imdecode_backend')
        found = tuple(results['img_shape'])
        expected = (results.get('height', found[0]), results.get('width', found[1]))
        if self.check_size and found != expected:
            raise RefDataError(
                f'picture {_where(results)} is {found[0]}x{found[1]} (height x width) where its '
                f'annotations say {expected[0]}x{expected[1]}')
        return results


@TRANSFORMS.register_module()
class LoadRefAnnotations(BaseTransform):
    """Decode the masks of E expressions, each of the O <= E distinct objects once.

    Required keys: ``segmentations`` (O), ``object_index`` (E), ``height``, ``width``.
    Added keys: ``gt_seg_map`` (H, W, E) uint8, 1 = referent, at the size that the annotations
    state, and ``seg_fields``.

    Raises:
        RefDataError: A segmentation is unusable (see ``decode_segmentation``).
    """

    def transform(self, results: dict) -> dict:
        """Decode ``results['segmentations']``."""
        height, width = results['height'], results['width']
        masks = []
        for number, segmentation in enumerate(results['segmentations']):
            try:
                masks.append(decode_segmentation(segmentation, height=height, width=width))
            except RefDataError as error:
                refs = sorted({
                    ref_id for ref_id, index in zip(results['ref_ids'], results['object_index'])
                    if index == number})
                raise RefDataError(
                    f'mask of ref {", ".join(map(str, refs))} in {results.get("img_path")}: '
                    f'{error}') from error
        # (E, H, W) in memory, so that each mask is contiguous for resizing and for packing
        results['gt_seg_map'] = np.stack(
            [masks[index] for index in results['object_index']]).transpose(1, 2, 0)
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
