"""Kinds of failures of a model, told apart by the objects that its masks cover."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from torch import Tensor

from mmrefseg.datasets.masks.decode import decode_segmentation

from .image_objects import ImageObject

SAME, OTHER = 'another of its class', 'another class'
OWN, NOTHING, BACKGROUND = 'its own, badly cut', 'nothing predicted', 'no object'
KINDS = (SAME, OTHER, OWN, BACKGROUND, NOTHING)


@dataclass
class Failure:
    """An expression whose mask is wrong.

    Attributes:
        image_id (int): Of its image.
        ref_id, sent_id (int): Which expression.
        expression (str): What was said.
        iou (float): With the truth, 0 to 1.
        kind (str): One of :data:`KINDS`.
        category (str): Of the object that was meant.
        taken (int, optional): Annotation of the object that the mask fits best, where there is one.
        taken_category (str, optional): Its category.
        taken_iou (float): IoU of the mask with it, 0 to 1.
    """

    image_id: int
    ref_id: int
    sent_id: int
    expression: str
    iou: float
    kind: str
    category: str
    taken: Optional[int]
    taken_category: Optional[str]
    taken_iou: float


def object_masks(objects: Sequence[ImageObject], height: int, width: int, size: Tuple[int, int]) -> np.ndarray:
    """The masks of an image's objects at another size, (O, h, w) bool."""
    masks = [decode_segmentation(one.segmentation, height, width, size) for one in objects]
    return np.stack(masks).astype(bool) if masks else np.zeros((0, *size), dtype=bool)


def object_ious(pred: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """IoU of a mask (h, w) with O others (O, h, w): (O,) from 0 to 1."""
    intersection = (masks & pred).sum((1, 2))
    union = masks.sum((1, 2)) + pred.sum() - intersection
    return intersection / np.maximum(union, 1)


def judge(pred: np.ndarray, own: int, objects: Sequence[ImageObject],
          masks: np.ndarray) -> Tuple[str, int, np.ndarray]:
    """Judge which object a mask took.

    Args:
        pred (np.ndarray): (h, w) bool.
        own (int): Which of the objects was meant.
        objects (Sequence[ImageObject]): The O objects of the image.
        masks (np.ndarray): (O, h, w) bool.

    Returns:
        tuple[str, int, np.ndarray]: The kind, as if the mask were a failure: the object that it fits best is another
        one (:data:`SAME`, :data:`OTHER`) or its own (:data:`OWN`); it covers no object (:data:`BACKGROUND`); it is
        empty (:data:`NOTHING`). Then the object that it fits best, of two alike its own, and the O IoUs.
    """
    ious = object_ious(pred, masks)
    best = own if ious[own] == ious.max() else int(ious.argmax())
    if not pred.any():
        return NOTHING, best, ious
    if not ious[best]:
        return BACKGROUND, best, ious
    if best == own:
        return OWN, best, ious
    return SAME if objects[best].category == objects[own].category else OTHER, best, ious


def failures_of(info: dict, preds: Tensor, own_ids: Sequence[int], objects: Sequence[ImageObject],
                threshold: float = 0.5) -> List[Failure]:
    """The failures on one image.

    Args:
        info (dict): Of the dataset, ``get_data_info``.
        preds (Tensor): (E, h, w) uint8, one mask an expression.
        own_ids (Sequence[int]): E annotations; expressions whose annotation is not among ``objects`` are left out.
        objects (Sequence[ImageObject]): The image's objects.
        threshold (float): An IoU below it is a failure. Defaults to 0.5.

    Returns:
        list[Failure]: In the order of the expressions.
    """
    places = {one.ann_id: place for place, one in enumerate(objects)}
    masks = object_masks(objects, info['height'], info['width'], tuple(preds.shape[1:]))
    found = []
    for number, ann_id in enumerate(own_ids):
        if ann_id not in places:
            continue
        own = places[ann_id]
        kind, best, ious = judge(preds[number].numpy() == 1, own, objects, masks)
        if ious[own] >= threshold:
            continue
        took = objects[best] if ious[best] else None
        found.append(Failure(
            image_id=info['image_id'], ref_id=info['ref_ids'][number], sent_id=info['sent_ids'][number],
            expression=info['expressions'][number], iou=float(ious[own]), kind=kind, category=objects[own].category,
            taken=took and took.ann_id, taken_category=took and took.category, taken_iou=float(ious[best])))
    return found


def summarize(failures: Sequence[Failure], expressions: int) -> dict:
    """Counts, ready for JSON.

    Args:
        failures (Sequence[Failure]): Of a dataset.
        expressions (int): How many there were, failed or not.

    Returns:
        dict: ``expressions``, ``failures`` (how many), ``kinds`` (how many of each), ``confusion`` (category that was
        meant -> category that was taken -> how many, where another object was), ``rows`` (every failure).
    """
    kinds = Counter(failure.kind for failure in failures)
    confusion: Dict[str, Counter] = {}
    for failure in failures:
        if failure.kind in (SAME, OTHER):
            confusion.setdefault(failure.category, Counter())[failure.taken_category] += 1
    return dict(expressions=expressions, failures=len(failures), kinds={kind: kinds[kind] for kind in KINDS},
                confusion={category: dict(taken) for category, taken in confusion.items()},
                rows=[asdict(failure) for failure in failures])


def confusion_matrix(confusion: Dict[str, Dict[str, int]], most: int = 12) -> Tuple[List[str], np.ndarray]:
    """The categories that are confused most, and the counts of one taken for another.

    Args:
        confusion (dict): As :func:`summarize` gives it.
        most (int): Categories with a row of their own; the rest is one, 'rest'. Defaults to 12.

    Returns:
        tuple[list[str], np.ndarray]: K names, and (K, K) counts: a row a category that was meant.
    """
    totals = Counter()
    for meant, taken in confusion.items():
        for category, count in taken.items():
            totals.update({meant: count, category: count})
    names = [category for category, _ in totals.most_common(most)]
    names = sorted(names) + ['rest'] * (len(totals) > most)
    place = {name: number for number, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), dtype=int)
    for meant, taken in confusion.items():
        for category, count in taken.items():
            counts[place.get(meant, len(names) - 1), place.get(category, len(names) - 1)] += count
    return names, counts
