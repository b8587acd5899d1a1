"""The one size at which a test pipeline gives its images."""

from typing import TYPE_CHECKING, Tuple

import numpy as np

from mmrefseg.exported.errors import ExportError

if TYPE_CHECKING:
    from mmrefseg.apis import RefSegInferencer

# (H, W) of images of three shapes: resizing that keeps the shape does not bring them to one size.
IMAGE_SUFFIXES = ((60, 40), (40, 60), (30, 90))


def input_size_of(inferencer: 'RefSegInferencer') -> Tuple[int, int]:
    """(H, W) of what the backbone sees, asked with blank images.

    Args:
        inferencer (RefSegInferencer): With the pipeline and the model, whose data preprocessor may pad.

    Returns:
        Tuple[int, int]: (H, W).

    Raises:
        ExportError: It depends on the image.
    """
    sizes = []
    for height, width in IMAGE_SUFFIXES:
        image = dict(img=np.zeros((height, width, 3), np.uint8), img_shape=(height, width),
                       ori_shape=(height, width), expressions=['a'])
        batch = inferencer.collate_fn([inferencer.pipeline(image)])
        sizes.append(tuple(inferencer.model.data_preprocessor(batch)['inputs'].shape[2:]))
    if len(set(sizes)) > 1:
        found = ', '.join(f'{size} of one of {image}' for size, image in zip(sizes, IMAGE_SUFFIXES))
        raise ExportError(
            'test_dataloader.dataset.pipeline gives pictures of several sizes ((H, W) ' + found + '), and the size is '
            "a constant of an exported model: expected dict(type='RefResize', scale=(H, W), keep_ratio=False), or "
            'model.data_preprocessor.test_cfg=dict(size=(H, W)) that pads to one')
    return sizes[0]
