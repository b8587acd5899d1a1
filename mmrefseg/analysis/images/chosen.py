"""Choice of the expressions that a sheet shows, with their predictions."""

from dataclasses import dataclass
from typing import Iterator, List, Optional, Sequence, Tuple

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from mmrefseg.errors import RefDataError
from mmrefseg.evaluation.mask_counts import intersection_and_union, resize_masks
from mmrefseg.evaluation.scores import expression_iou
from mmrefseg.models import RefSegmentor
from mmrefseg.structures import RefDataSample

ORDERS = ('spread', 'best', 'worst')


@dataclass
class Chosen:
    """One expression of a dataset.

    Attributes:
        index (int): The sample of the dataset.
        number (int): Which of the sample's expressions.
        path (str): Of the image.
        expression (str): What was said.
        pred (Tensor): (h, w) uint8, what was predicted.
        truth (Tensor): (H, W) uint8.
        iou (float): Of the two, percent; 100 where both are empty.
        score (float): The mean probability inside ``pred``.
        prior (Tensor, optional): (h', w') logits of the heatmap, where the model has one.
        input_size, img_size (tuple[int, int]): Height and width of the network's input and of the image in it.
    """

    index: int
    number: int
    path: str
    expression: str
    pred: Tensor
    truth: Tensor
    iou: float
    score: float
    prior: Optional[Tensor]
    input_size: Tuple[int, int]
    img_size: Tuple[int, int]


@torch.no_grad()
def predict_item(model: RefSegmentor, item: dict) -> RefDataSample:
    """The sample that a dataset gives, with the model's predictions, on the CPU."""
    sample, = model.test_step(pseudo_collate([item]))
    for key in ('gt_sem_seg', 'pred_sem_seg'):
        if key not in sample:
            raise RefDataError(f'{sample.get("img_path", "a sample")} has no {key}: its pipeline needs '
                               'LoadRefAnnotations and PackRefInputs')
    return sample.cpu()


def spread(length: int, number: int) -> List[int]:
    """At most ``number`` indices, evenly spread over ``length``."""
    return np.linspace(0, length - 1, min(number, length)).astype(int).tolist()


def choose(model: RefSegmentor, dataset, number: int, order: str = 'spread') -> List[Chosen]:
    """Expressions of different samples of a dataset.

    Args:
        model (RefSegmentor): In evaluation mode.
        dataset: With a pipeline for testing, whose samples are images.
        number (int): How many, at most.
        order (str): ``'spread'``: samples evenly spread over the dataset, not always their first expression;
            ``'best'``: by falling IoU; ``'worst'``: by growing IoU, of those alike the surest first. The latter two
            predict all of the dataset and take one expression of each sample. Defaults to 'spread'.

    Returns:
        list[Chosen]: In that order.

    Raises:
        ValueError: ``order`` is unknown.
        RefDataError: The samples have no masks.
    """
    if order not in ORDERS:
        raise ValueError(f'order is {order!r}, expected one of {ORDERS}')
    if order == 'spread':
        found = (list(expressions_of(index, predict_item(model, dataset[index])))
                 for index in spread(len(dataset), number))
        return [own[own[0].index % len(own)] for own in found]

    def rank(one: Chosen) -> Tuple[float, float]:
        return one.iou if order == 'worst' else -one.iou, -one.score

    first = [min(expressions_of(index, predict_item(model, dataset[index])), key=rank) for index in range(len(dataset))]
    return sorted(first, key=rank)[:number]


def expressions_of(index: int, sample: RefDataSample) -> Iterator[Chosen]:
    """Each expression of a predicted sample, the ``index``-th of its dataset."""
    preds, truths = sample.pred_sem_seg.data, sample.gt_sem_seg.data
    ious = iou_percents(preds, truths)
    priors = sample.pred_prior.data if 'pred_prior' in sample else [None] * len(preds)
    img_size = tuple(sample.img_shape[:2])
    for number, expression in enumerate(sample.expressions):
        yield Chosen(
            index=index, number=number, path=sample.img_path, expression=expression, pred=preds[number],
            truth=truths[number], iou=float(ious[number]), score=float(sample.pred_scores[number]),
            prior=priors[number], input_size=tuple(sample.get('batch_input_shape', img_size)), img_size=img_size)


def iou_percents(preds: Tensor, truths: Tensor) -> Sequence[float]:
    """IoU of masks (E, h, w) with (E, H, W), percent, at the size of the first; 100 where both are empty."""
    intersection, union = intersection_and_union(preds, resize_masks(truths, tuple(preds.shape[1:]))).numpy()
    return 100 * expression_iou(intersection, union, empty=1.)
