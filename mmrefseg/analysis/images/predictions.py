"""Predictions beside the truth."""

import numpy as np

from mmrefseg.models import RefSegmentor
from mmrefseg.visualization import draw_prediction_grid
from mmrefseg.visualization.panel import read_image

from .chosen import choose


def prediction_sheet(model: RefSegmentor, dataset, number: int = 16, order: str = 'spread', columns: int = 4,
                     cell_width: int = 320) -> np.ndarray:
    """An image an expression, with its IoU.

    Args:
        model (RefSegmentor): In evaluation mode.
        dataset: With a pipeline for testing.
        number (int): Expressions. Defaults to 16.
        order (str): See :func:`choose`: successes are ``'best'``, failures ``'worst'``. Defaults to 'spread'.
        columns (int): Images a row. Defaults to 4.
        cell_width (int): Pixels of an image's longer side. Defaults to 320.

    Returns:
        np.ndarray: (h, w, 3) uint8, RGB.
    """
    items = [(read_image(one.path), one.expression, one.pred, one.truth)
             for one in choose(model, dataset, number, order)]
    return draw_prediction_grid(items, columns=columns, cell_width=cell_width)
