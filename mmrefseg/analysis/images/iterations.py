"""The masks of every iteration of a SADLR head beside the truth (SADLR, Fig. 5)."""

from typing import List, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dataset import pseudo_collate
from torch import Tensor

from mmrefseg.models import RefSegmentor, SADLRHead
from mmrefseg.models.decode_heads.sadlr_head import binary_mask
from mmrefseg.visualization import draw_prediction_grid
from mmrefseg.visualization.panel import read_image

from .chosen import iou_percents, spread

ORDERS = ('spread', 'refined', 'spoilt')


@torch.no_grad()
def iteration_masks(model: RefSegmentor, item: dict) -> Tensor:
    """The masks of all iterations for a sample of the dataset.

    Args:
        model (RefSegmentor): With a ``SADLRHead``.
        item (dict): What the dataset gives: ``inputs`` and ``data_samples`` with E expressions.

    Returns:
        Tensor: (n, E, h, w) bool, at the size that the network sees, without its padding.
    """
    batch = model.data_preprocessor(pseudo_collate([item]), False)
    features = model.extract_feat(batch['inputs'], batch['data_samples'])
    all_scores = model.decode_head.iterate(model.decode(features), features)
    size, align = batch['inputs'].shape[2:], model.decode_head.align_corners
    height, width = batch['data_samples'][0].get('img_shape', size)[:2]
    return torch.stack([
        binary_mask(F.interpolate(scores, size=size, mode='bilinear', align_corners=align)) for scores in all_scores
    ])[..., :height, :width].cpu()


def rows_of(item: dict, masks: Tensor) -> List[dict]:
    """Each expression of a sample with its masks (n, h, w) and the IoU of each with the truth, percent."""
    sample = item['data_samples']
    rows = []
    for expression, truth, own in zip(sample.expressions, sample.gt_sem_seg.data, masks.to(torch.uint8).unbind(1)):
        rows.append(dict(path=sample.img_path, expression=expression, masks=own, truth=truth,
                         ious=iou_percents(own, truth.expand(len(own), -1, -1))))
    return rows


def iteration_rows(model: RefSegmentor, dataset, number: int, order: str = 'spread') -> Tuple[List[dict], np.ndarray]:
    """Rows of different samples of a dataset, and all IoUs that were computed.

    Args:
        model (RefSegmentor): In evaluation mode, with a ``SADLRHead``.
        dataset: With a pipeline for testing.
        number (int): Rows, at most.
        order (str): ``'spread'`` evenly over the dataset, or over all of it those that gain (``'refined'``) or lose
            (``'spoilt'``) most IoU from the first iteration to the last. Defaults to 'spread'.

    Returns:
        tuple[list[dict], np.ndarray]: As :func:`rows_of` gives them, and (expressions, n) percent.

    Raises:
        ValueError: The model has no ``SADLRHead`` with iterations, or ``order`` is unknown.
    """
    head = model.decode_head
    if not isinstance(head, SADLRHead) or not head.num_iterations:
        raise ValueError(f'the model has the head {type(head).__name__}, expected a SADLRHead with iterations')
    if order not in ORDERS:
        raise ValueError(f'order is {order!r}, expected one of {ORDERS}')
    rows, ious = [], []
    sign = -1 if order == 'spoilt' else 1
    for i in spread(len(dataset), number) if order == 'spread' else range(len(dataset)):
        item = dataset[i]
        of_image = rows_of(item, iteration_masks(model, item))
        ious += [row['ious'] for row in of_image]
        rows.append(of_image[i % len(of_image)] if order == 'spread' else
                    max(of_image, key=lambda row: sign * (row['ious'][-1] - row['ious'][0])))
    if order != 'spread':
        rows.sort(key=lambda row: sign * (row['ious'][0] - row['ious'][-1]))
    return rows[:number], np.stack(ious)


def draw_iterations(rows: List[dict], cell_width: int = 320) -> np.ndarray:
    """A row an expression, a column an iteration, of what :func:`iteration_rows` gives: (h, w, 3) uint8, RGB."""
    items = []
    for row in rows:
        image = read_image(row['path'])
        items += [(image, f'{iteration}: {row["expression"]}', mask, row['truth'])
                  for iteration, mask in enumerate(row['masks'], start=1)]
    return draw_prediction_grid(items, columns=len(rows[0]['masks']), cell_width=cell_width)


def iteration_sheet(model: RefSegmentor, dataset, number: int = 6) -> np.ndarray:
    """:func:`iteration_rows`, spread over the dataset, drawn."""
    return draw_iterations(iteration_rows(model, dataset, number)[0])
