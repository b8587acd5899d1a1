"""Loads an image, and the masks of what its expressions refer to."""

import io
from typing import Optional, Tuple

import cv2
import mmcv
import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile
from mmengine import fileio
from PIL import Image

from mmrefseg.errors import RefDataError
from mmrefseg.registry import TRANSFORMS

from ..budget import check_budget
from ..file_names import check_file
from ..image_header import LYING, ORIENTATION, ImageHeader, read_header
from ..masks.decode import decode_segmentation

# The decoder's flags by the factor that it reduces both sides by, the smallest image first.
REDUCED = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}

# OpenCV 4 decodes what there is of a JPEG that stops early, and leaves the rest gray without a word.
READS_TORN_JPEGS = int(cv2.__version__.split('.')[0]) < 5
#: Of masks, a pixel that no loss and no metric counts.
IGNORED = 255


def reduced_shape(shape: Tuple[int, int], factor: int) -> Tuple[int, int]:
    """tuple[int, int]: H, W of an image that is decoded at a fraction of its size: it is rounded up."""
    return -(-shape[0] // factor), -(-shape[1] // factor)


def _where(results: dict) -> str:
    refs = ', '.join(str(ref_id) for ref_id in results.get('ref_ids', []))
    return f'{results.get("img_path")}' + (f' (ref {refs})' if refs else '')


@TRANSFORMS.register_module()
class LoadRefImage(LoadImageFromFile):
    """Load an image as (H, W, 3) BGR, whatever its file holds.

    Grayscale is repeated, transparency dropped, CMYK and 16 bits are converted. EXIF's orientation
    is ignored unless ``upright``: the annotations were made on the images as stored, and the field's code bases read
    them so. That of a TIFF is not: decoders of TIFF turn it, and its mask files alike.

    With ``reduce_to`` a big JPEG is decoded at a half, a quarter or an eighth of its size, which takes a part of the
    time: the smallest of these that is still at least that large both ways, so that resizing to it only shrinks. The
    decoder's mean over 2x2, 4x4 or 8x8 pixels comes in the place of the filter of ``RefResize``, which resizes what is
    left: detail that the smaller image can hold is kept, and the pixels are not the same. ``RefResize`` must come
    next; it goes by the whole size.

    Required keys: ``img_path``; ``height, width, ref_ids`` if there are.
    Added keys: ``img`` (H, W, 3), ``img_shape``, ``ori_shape`` (H, W); ``whole_shape`` (H, W) where
    ``img`` is reduced: ``img_shape`` is then that of ``img``, ``ori_shape`` and ``whole_shape`` are the file's.

    Args:
        to_float32 (bool): float32 instead of uint8.
        imdecode_backend (str): ``'cv2'``, ``'pillow'`` or ``'tifffile'`` (see ``mmcv.imread``).
        backend_args (dict, optional): Where files are read from (see ``mmengine.fileio``).
        check_size (bool): Whether the image must have the ``height`` and ``width`` that its
            annotations state.
        reduce_to (tuple[int, int], optional): (width, height) that is enough: the ``scale`` of ``RefResize``. With
            ``imdecode_backend='cv2'`` alone. Files that are no JPEG are decoded as they are. Default: as they are.
        upright (bool): Turn the image as its EXIF orientation says, so that it is as a person sees it: for
            photographs without annotations, or with some that were made on it turned. All sizes are of the turned one.
            Defaults to False.

    Raises:
        ValueError: ``reduce_to`` with another ``imdecode_backend``.
        RefDataError: The file is missing or broken, asks for more than the budget (see :mod:`mmrefseg.datasets.budget`)
            or is of another size than its annotations: the header says so before a pixel is decoded.
    """

    def __init__(self, to_float32: bool = False, imdecode_backend: str = 'cv2',
                 backend_args: Optional[dict] = None, check_size: bool = True,
                 reduce_to: Optional[Tuple[int, int]] = None, upright: bool = False) -> None:
        super().__init__(
            to_float32=to_float32, color_type='color' if upright else 'color_ignore_orientation',
            imdecode_backend=imdecode_backend, backend_args=backend_args)
        if reduce_to is not None and imdecode_backend != 'cv2':
            raise ValueError(f"LoadRefImage: reduce_to needs imdecode_backend='cv2', found {imdecode_backend!r}")
        self.check_size = check_size
        self.reduce_to = reduce_to
        self.upright = upright

    def transform(self, results: dict) -> dict:
        """Load the image of ``results['img_path']``."""
        try:
            check_file(results['img_path'], 'picture')
            content = fileio.get(results['img_path'], backend_args=self.backend_args)
            header = self._check_header(content, results)
            img, whole_shape = self._decode(content, header)
        except FileNotFoundError as error:
            raise RefDataError(f'picture {_where(results)} is missing') from error
        except RefDataError:
            raise
        except Exception as error:  # each file backend and decoder raises its own
            raise RefDataError(
                f'picture {_where(results)} is broken or cannot be read '
                f'({type(error).__name__}: {error})') from error
        if img.ndim != 3 or img.shape[2] != 3:
            raise RefDataError(
                f'picture {_where(results)} was decoded to the shape {img.shape} where '
                '(H, W, 3) was expected; use another imdecode_backend')
        found = whole_shape or img.shape[:2]
        expected = (results.get('height', found[0]), results.get('width', found[1]))
        if self.check_size and found != expected:
            raise self._other_size(results, found)
        results['img'] = img.astype(np.float32) if self.to_float32 else img
        results['img_shape'] = img.shape[:2]
        results['ori_shape'] = found
        if whole_shape:
            results['whole_shape'] = whole_shape
        return results

    def _check_header(self, content: bytes, results: dict) -> ImageHeader:
        """Refuse what is too large, or of another size than annotated, before it is decoded."""
        header = read_header(content, f'picture {_where(results)}')
        found = (header.height, header.width)
        expected = (results.get('height', found[0]), results.get('width', found[1]))
        if self.check_size and not self.upright and not header.fits(expected):
            raise self._other_size(results, found)
        return header

    @staticmethod
    def _other_size(results: dict, found: Tuple[int, int]) -> RefDataError:
        return RefDataError(
            f'picture {_where(results)} is {found[0]}x{found[1]} (height x width) where its annotations say '
            f'{results.get("height", found[0])}x{results.get("width", found[1])}')

    def _decode(self, content: bytes, header: ImageHeader) -> Tuple[np.ndarray, Optional[Tuple[int, int]]]:
        """The image, and the size (H, W) of the whole one where it is reduced."""
        if READS_TORN_JPEGS and content[:2] == b'\xff\xd8' and content.rfind(b'\xff\xd9') < content.rfind(b'\xff\xda'):
            raise ValueError('the JPEG stops before its end')
        if self.reduce_to is not None and content[:2] == b'\xff\xd8':  # a JPEG: others would be decoded in full anyway
            whole = (header.height, header.width)
            if self.upright:
                with Image.open(io.BytesIO(content)) as image:
                    if image.getexif().get(ORIENTATION) in LYING:
                        whole = whole[::-1]
            for factor, flag in REDUCED.items():
                height, width = reduced_shape(whole, factor)
                if width >= self.reduce_to[0] and height >= self.reduce_to[1]:
                    flag |= 0 if self.upright else cv2.IMREAD_IGNORE_ORIENTATION
                    return self._checked(cv2.imdecode(np.frombuffer(content, np.uint8), flag)), whole
        return self._checked(mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)), None

    @staticmethod
    def _checked(img: Optional[np.ndarray]) -> np.ndarray:
        if img is None:
            raise ValueError('the decoder knows no such picture')
        return img


@TRANSFORMS.register_module()
class LoadRefAnnotations(BaseTransform):
    """Decode the masks of E expressions, each of the O <= E distinct objects once.

    Required keys: ``segmentations`` (O), ``object_index`` (E), ``height``, ``width``; ``img`` with ``size='input'``.
    Optional key: ``ignored`` (O), what counts nowhere; a pixel that is the object's as well is the object's.
    Added keys: ``gt_seg_map`` (H, W, E) uint8, 1 = referent, 255 = ignored, and ``seg_fields``.

    Args:
        size (str): ``'original'`` (default): H, W are those that the annotations state. ``'input'``: those of ``img``
            as it is now. After ``RefResize`` the masks are the very ones that it makes of the whole ones (nearest
            neighbour), in less time; anything else that moves pixels must come later.
        scale_polygons (bool): With ``size='input'``: scale polygons and draw them at that size, as ReLA's code does in
            training and testing, instead. Defaults to False.

    Raises:
        ValueError: Another ``size``, or ``scale_polygons`` with ``size='original'``.
        RefDataError: A segmentation is unusable (see ``decode_segmentation``) or, of an expression that has a target,
            encloses no pixel; all masks together are more than the budget; or with ``size='input'`` the image has
            been flipped.
    """

    def __init__(self, size: str = 'original', scale_polygons: bool = False) -> None:
        if size not in ('original', 'input'):
            raise ValueError(f"LoadRefAnnotations: size is {size!r}, expected 'original' or 'input'")
        if scale_polygons and size != 'input':
            raise ValueError("LoadRefAnnotations: scale_polygons draws at the input's size: set size='input' as well")
        self.size = size
        self.scale_polygons = scale_polygons

    def transform(self, results: dict) -> dict:
        """Decode ``results['segmentations']``."""
        height, width = results['height'], results['width']
        size = results['img'].shape[:2] if self.size == 'input' else None
        if size and results.get('flip'):
            raise RefDataError(f"{results.get('img_path')} is flipped: LoadRefAnnotations(size='input') must come "
                               'right after RefResize')
        drawn = size or (height, width)
        check_budget('MAX_MASK_PIXELS', len(results['object_index']) * drawn[0] * drawn[1],
                     f"{results.get('img_path')} with {len(results['object_index'])} expressions")
        # An object that is none (gRefCOCO) has no pixel; any other has some, or is not what was meant.
        absent = {index for index, none in zip(results['object_index'], results.get('no_targets') or []) if none}
        masks = []
        for number, segmentation in enumerate(results['segmentations']):
            try:
                masks.append(decode_segmentation(segmentation, height=height, width=width, size=size,
                                                 must_fill='no_targets' in results and number not in absent,
                                                 scale_polygons=self.scale_polygons))
            except RefDataError as error:
                refs = sorted({
                    ref_id for ref_id, index in zip(results['ref_ids'], results['object_index'])
                    if index == number})
                raise RefDataError(
                    f'mask of ref {", ".join(map(str, refs))} in {results.get("img_path")}: '
                    f'{error}') from error
        for mask, shapes in zip(masks, results.get('ignored', [])):
            if shapes:
                mask[(decode_segmentation(shapes, height=height, width=width, size=size) == 1) & (mask == 0)] = IGNORED
        # (E, H, W) in memory, so that each mask is contiguous for resizing and for packing
        results['gt_seg_map'] = np.stack(
            [masks[index] for index in results['object_index']]).transpose(1, 2, 0)
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size!r}, scale_polygons={self.scale_polygons})'
