"""RefShapes without its expressions: the attributes of its shapes, for a semantic segmentor of mmseg."""

import json
from pathlib import Path
from typing import List

from mmseg.datasets import BaseSegDataset

from mmrefseg.errors import RefDataError
from mmrefseg.registry import DATASETS

from .refshapes_generator import KINDS, SHAPE_ATTRIBUTES, SPLITS
from .refshapes_generator.records import MAX_SCENES


@DATASETS.register_module()
class RefShapesAttributesDataset(BaseSegDataset):
    """The images of a split of RefShapes with all their shapes, as mmseg's data sets are: no expression is read.

    It is for what should learn to see before it learns to read. Held-out pairs of kind and colour are in testB alone
    (:data:`~mmrefseg.datasets.refshapes_generator.scenes.HELD_OUT`), so a training on ``train`` never sees them.
    :class:`LoadShapeAttributes` makes the classes of pixels.

    Args:
        ann_file (str): COCO's instances as ``mmrefseg make-refshapes`` writes them. Defaults to
            ``'refshapes/instances.json'``.
        split (str): 'train', 'val', 'testA' or 'testB'. Defaults to 'train'.
        data_prefix (dict): Of the images, ``img_path``. Defaults to ``images/refshapes``.
        **kwargs: As mmseg's ``BaseSegDataset``.

    Raises:
        FileNotFoundError: The annotations are not there; says what makes them.
        RefDataError: Shapes without attributes, or no image of this split.
        ValueError: An unknown split.
    """

    METAINFO = dict(
        classes=('background', *KINDS),
        palette=[[0, 0, 0], [230, 25, 75], [60, 180, 75], [255, 225, 25], [0, 130, 200], [245, 130, 48],
                 [145, 30, 180], [70, 240, 240], [240, 50, 230], [210, 245, 60]])

    def __init__(self, ann_file: str = 'refshapes/instances.json', split: str = 'train', *,
                 data_prefix: dict = None, **kwargs) -> None:
        if split not in SPLITS:
            raise ValueError(f'dataset.split is {split!r}, expected one of {", ".join(SPLITS)}')
        self.split = split
        data_prefix = dict(img_path='images/refshapes') if data_prefix is None else data_prefix
        super().__init__(ann_file=ann_file, data_prefix=data_prefix, **kwargs)

    def load_data_list(self) -> List[dict]:
        """One entry an image: ``img_path``, ``height``, ``width`` and ``shapes``, its annotations."""
        path = Path(self.ann_file)
        if not path.is_file():
            raise FileNotFoundError(f'{path} is missing. mmrefseg make-refshapes makes it.')
        instances = json.loads(path.read_text())
        shapes = {}
        for annotation in instances['annotations']:
            attributes = annotation.get('attributes', {})
            unknown = [name for name, values in SHAPE_ATTRIBUTES.items() if attributes.get(name) not in values]
            if unknown:
                raise RefDataError(f'annotation {annotation["id"]} of {path} has the attributes {attributes}, expected '
                                   f'a known {", ".join(unknown)}: is it RefShapes?')
            shapes.setdefault(annotation['image_id'], []).append(
                {key: annotation[key] for key in ('id', 'segmentation', 'bbox', 'attributes')})
        # An image's id tells its split (refshapes_generator/records.py).
        number = SPLITS.index(self.split)
        data_list = [
            dict(
                img_path=str(Path(self.data_prefix['img_path']) / image['file_name']),
                height=image['height'], width=image['width'], shapes=shapes.get(image['id'], []),
                reduce_zero_label=self.reduce_zero_label, seg_fields=[])
            for image in instances['images'] if (image['id'] - 1) // MAX_SCENES == number
        ]
        if not data_list:
            raise RefDataError(f'{path} has no image of the split {self.split!r}')
        return data_list
