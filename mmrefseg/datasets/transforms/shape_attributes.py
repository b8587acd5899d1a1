"""From the shapes of a RefShapes image to classes of its pixels."""

from typing import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmrefseg.errors import RefDataError
from mmrefseg.registry import TRANSFORMS

from ..masks.decode import decode_segmentation
from ..refshapes_generator import SHAPE_ATTRIBUTES

# Four bits an attribute: none has more than 15 values. A code is one map, which mmseg packs as any other.
BITS = 4
# The centre of a shape lies in one of these columns (rows) of the image: what "leftmost" is about, as the other
# attributes are what "red circle" is about.
PLACES = 8
ATTRIBUTE_VALUES = dict(SHAPE_ATTRIBUTES, column=range(PLACES), row=range(PLACES))


def attribute_classes(codes, attribute: int):
    """The classes of one attribute in a map of codes; an array or tensor of integers, any shape.

    Args:
        codes (np.ndarray | Tensor): What :class:`LoadShapeAttributes` made.
        attribute (int): Its number in ``attributes``.
    """
    return (codes >> (BITS * attribute)) & (2**BITS - 1)


@TRANSFORMS.register_module()
class LoadShapeAttributes(BaseTransform):
    """Draw what each pixel shows: a code that holds the class of every attribute asked for, 0 for the background.

    With one attribute the code is the class itself, as mmseg's metrics read it. With several,
    :func:`attribute_classes` takes one out again.

    Required keys: ``shapes`` (of :class:`RefShapesAttributesDataset`), ``height``, ``width``; ``img`` with
    ``size='input'``.
    Added keys: ``gt_seg_map`` (H, W) int32, and ``seg_fields``.

    Args:
        attributes (Sequence[str]): Some of 'kind', 'colour', 'texture', 'size'; and 'column' and 'row', the eighth of
            the image where the centre of what is seen of the shape lies. Defaults to ``('kind',)``.
        size (str): ``'original'`` (default): H, W of the annotations. ``'input'``: those of ``img`` as it is now,
            behind ``RefResize``.

    Raises:
        ValueError: An unknown attribute, or another ``size``.
        RefDataError: A segmentation is unusable (see ``decode_segmentation``).
    """

    def __init__(self, attributes: Sequence[str] = ('kind', ), size: str = 'original') -> None:
        self.attributes = tuple(attributes)
        unknown = [name for name in self.attributes if name not in ATTRIBUTE_VALUES]
        if unknown or not self.attributes:
            raise ValueError(f'LoadShapeAttributes: attributes are {self.attributes}, expected some of '
                             f'{", ".join(ATTRIBUTE_VALUES)}')

        if size not in ('original', 'input'):
            raise ValueError(f"LoadShapeAttributes: size is {size!r}, expected 'original' or 'input'")
        self.size = size

    def transform(self, results: dict) -> dict:
        """Draw the shapes, of which no two share a pixel."""
        height, width = results['height'], results['width']
        size = results['img'].shape[:2] if self.size == 'input' else (height, width)
        codes = np.zeros(size, np.int32)
        for shape in results['shapes']:
            try:
                mask = decode_segmentation(shape['segmentation'], height=height, width=width, size=size)
            except RefDataError as error:
                raise RefDataError(f'mask of annotation {shape["id"]} in {results.get("img_path")}: {error}') from error
            codes[mask.view(bool)] = self._code(shape, height, width)
        results['gt_seg_map'] = codes
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def _code(self, shape: dict, height: int, width: int) -> int:
        x, y, w, h = shape['bbox']
        values = dict(
            shape['attributes'], column=int((x + w / 2) / width * PLACES), row=int((y + h / 2) / height * PLACES))
        return sum((ATTRIBUTE_VALUES[name].index(values[name]) + 1) << (BITS * number)
                   for number, name in enumerate(self.attributes))

    def __repr__(self) -> str:
        return f'{type(self).__name__}(attributes={self.attributes}, size={self.size!r})'
