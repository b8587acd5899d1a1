"""All annotated objects of images, those too that no expression refers to."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Collection, Dict, List, Union

import msgspec

from mmrefseg.errors import RefDataError

Number = Union[int, float]


class _Annotation(msgspec.Struct, gc=False):
    id: Number
    image_id: Number
    category_id: Number
    segmentation: msgspec.Raw = msgspec.Raw(b'[]')
    iscrowd: Number = 0


class _Category(msgspec.Struct, gc=False):
    id: Number
    name: str


class _Instances(msgspec.Struct):
    annotations: List[_Annotation]
    categories: List[_Category]


@dataclass
class ImageObject:
    """One annotated object.

    Attributes:
        ann_id (int): Of its annotation.
        category (str): Its category's name.
        segmentation (list | dict): As :func:`mmrefseg.datasets.masks.decode.decode_segmentation` takes it.
    """

    ann_id: int
    category: str
    segmentation: Union[list, dict]


def read_image_objects(instances_file: str, image_ids: Collection[int]) -> Dict[int, List[ImageObject]]:
    """The objects of some images; groups (COCO's ``iscrowd``) are none.

    Args:
        instances_file (str): COCO-style ``instances.json``.
        image_ids (Collection[int]): Which images.

    Returns:
        dict[int, list[ImageObject]]: By image id; an image without objects has an empty list.

    Raises:
        RefDataError: The file is missing, broken, or has no categories.
    """
    wanted = set(image_ids)
    try:
        with open(instances_file, 'rb') as file:
            instances = msgspec.json.decode(file.read(), type=_Instances)
    except OSError as error:
        raise RefDataError(f'{instances_file} cannot be read: {error.strerror}') from error
    except msgspec.MsgspecError as error:
        raise RefDataError(f"{instances_file} is not of COCO's form, with annotations and categories: "
                           f'{error}') from error
    names = {category.id: category.name for category in instances.categories}
    objects = defaultdict(list)
    for annotation in instances.annotations:
        if annotation.image_id not in wanted or annotation.iscrowd:
            continue
        if annotation.category_id not in names:
            raise RefDataError(f'{instances_file}: annotation {annotation.id} is of category {annotation.category_id}, '
                               f'which is not among its {len(names)} categories')
        objects[int(annotation.image_id)].append(ImageObject(
            int(annotation.id), names[annotation.category_id], msgspec.json.decode(annotation.segmentation)))
    return {image_id: objects[image_id] for image_id in wanted}
