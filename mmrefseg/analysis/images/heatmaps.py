"""Sheets of the located referent beside the mask that follows (LTS, CVPR 2021, Fig. 4)."""

import numpy as np

from mmrefseg.evaluation.peak_hits import peak_in_mask
from mmrefseg.models import RefSegmentor
from mmrefseg.visualization.heatmap import heat_panel, heat_ramp
from mmrefseg.visualization.panel import read_image
from mmrefseg.visualization.prediction_grid import mask_legend, prediction_cell
from mmrefseg.visualization.sheet import Cell, draw_sheet, ramp_strip, sheet_font

from .chosen import Chosen, choose


def heatmap_sheet(model: RefSegmentor, dataset, number: int = 6, order: str = 'spread', columns: int = 2,
                  cell_width: int = 320) -> np.ndarray:
    """The heatmap (the prior as a probability, from 0 to its peak) and the prediction of each expression, side by side.

    The note below says whether the peak lies in the truth, as ``loc_acc`` of :class:`RefIoUMetric` counts.

    Args:
        model (RefSegmentor): In evaluation mode, with a fusion that gives a prior.
        dataset: With a pipeline for testing.
        number (int): Expressions. Defaults to 6.
        order (str): See :func:`choose`. Defaults to 'spread'.
        columns (int): Expressions a row. Defaults to 2.
        cell_width (int): Pixels of an image's longer side. Defaults to 320.

    Returns:
        np.ndarray: (h, w, 3) uint8, RGB.

    Raises:
        ValueError: The model gives no prior.
    """
    chosen = choose(model, dataset, number, order)
    if any(one.prior is None for one in chosen):
        raise ValueError(f'the fusion {type(model.fusion).__name__} gives no heatmap (prior), expected one such as '
                         'LTSFusion with a locator')
    pairs = [_pair(one, cell_width) for one in chosen]
    rows = [sum(pairs[start:start + columns], []) for start in range(0, len(pairs), columns)]
    legend = [ramp_strip(heat_ramp(), 'heatmap: 0', 'its peak', sheet_font(cell_width)), *mask_legend(cell_width)]
    return draw_sheet(rows, legend, cell_width)


def _pair(one: Chosen, cell_width: int) -> list:
    image = read_image(one.path)
    probability = one.prior.float().sigmoid()
    heat = heat_panel(image, probability / probability.max(), cell_width, truth=one.truth,
                      input_size=one.input_size, img_size=one.img_size)
    hit, = peak_in_mask(one.prior[None], one.truth[None], one.input_size, one.img_size)
    note = f'peak {probability.max():.2f}: {"hit" if hit else "miss"}'
    return [Cell(heat, one.expression, note), prediction_cell(image, '', one.pred, one.truth, cell_width)]
