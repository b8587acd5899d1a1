"""Table of a data set's expressions beside a model's results on them."""

import csv
import json
import os
from dataclasses import dataclass
from typing import Dict, Tuple

from mmrefseg.datasets import ReferDataset
from mmrefseg.datasets.masks.decode import decode_segmentation
from mmrefseg.errors import RefDataError

from .image_objects import read_image_objects

Key = Tuple[int, int]


@dataclass
class ExpressionResult:
    """One expression of a dataset.

    Attributes:
        text (str): What was said.
        size (float): Share of the image that is its referent.
        same_class (int): Other objects of the referent's category in the image; -1 where there is not one referent,
            or the objects are not known.
    """

    text: str
    size: float
    same_class: int


def read_expressions(dataset: ReferDataset) -> Dict[Key, ExpressionResult]:
    """The expressions of a dataset by (ref id, sentence id).

    Where the dataset has no ``instances.json`` with categories, ``same_class`` is -1.
    """
    index = dataset.index
    objects = {}
    if os.path.isfile(dataset.instances_file):
        objects = read_image_objects(dataset.instances_file, index.image_id.tolist())
    categories = {one.ann_id: one.category for own in objects.values() for one in own}
    ann_ids = dict(zip(index.ref_id.tolist(), index.ann_id[index.ref_object].tolist()))
    found = {}
    for number in range(len(dataset)):
        info = dataset.get_data_info(number)
        shape = info['height'], info['width']
        sizes = [decode_segmentation(one, *shape).mean() for one in info['segmentations']]
        for text, ref_id, sent_id, which in zip(info['expressions'], info['ref_ids'], info['sent_ids'],
                                                info['object_index']):
            own = ann_ids[ref_id]
            alike = sum(one.category == categories[own] for one in objects[info['image_id']]) - 1 \
                if own in categories else -1
            found[ref_id, sent_id] = ExpressionResult(text, float(sizes[which]), alike)
    return found


def read_results(path: str, expressions: Dict[Key, ExpressionResult]) -> Dict[Key, Tuple[int, int, float]]:
    """Intersection, union and IoU (0 to 1) of each expression, from a file of ``tools/test.py --dump``.

    Args:
        path (str): ``.csv`` or ``.jsonl``.
        expressions (dict): Of the dataset that was tested.

    Raises:
        RefDataError: The file cannot be read, a line is not of its form, or its expressions are not those of the
            dataset.
    """
    results = {}
    number = 0
    try:
        with open(path, encoding='utf-8', newline='') as file:
            lines = file if path.endswith('.jsonl') else csv.DictReader(file)
            for number, row in enumerate(lines):  # noqa: B007  for the error
                values = json.loads(row) if lines is file else row
                key = int(values['ref_id']), int(values['sent_id'])
                results[key] = int(values['intersection']), int(values['union']), float(values['iou'])
    except OSError as error:
        raise RefDataError(f'{path} cannot be read: {error.strerror}') from error
    except (KeyError, TypeError, ValueError) as error:
        raise RefDataError(f'{path}, expression {number + 1}: expected ref_id, sent_id, intersection, union and iou, '
                           f'as mmrefseg test --dump writes them ({type(error).__name__}: {error})') from error
    missing, unknown = expressions.keys() - results.keys(), results.keys() - expressions.keys()
    if missing or unknown:
        example = 'ref {}, sentence {}'.format(*min(unknown or missing))
        raise RefDataError(f'{path} is of another data set or split: {len(unknown)} of its {len(results)} expressions '
                           f'are not in the dataset, and {len(missing)} of the dataset are not in it ({example})')
    return results

