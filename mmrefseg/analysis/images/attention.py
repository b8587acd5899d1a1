"""Sheets of attention between words and pixels (LAVT's PWAM; M3Att)."""

from typing import List, Optional

import numpy as np
from mmengine.dataset import pseudo_collate

from mmrefseg.models import RefSegmentor
from mmrefseg.visualization.heatmap import heat_panel, heat_ramp
from mmrefseg.visualization.panel import read_image
from mmrefseg.visualization.prediction_grid import mask_legend, prediction_cell
from mmrefseg.visualization.sheet import Cell, draw_sheet, ramp_strip, sheet_font

from .chosen import Chosen, choose
from .word_attention import attention_modules, word_maps


def attention_sheet(model: RefSegmentor, dataset, number: int = 4, order: str = 'spread', module: Optional[str] = None,
                    columns: int = 8, cell_width: int = 200) -> np.ndarray:
    """The prediction of each expression and a map for each of its words, from its smallest to its largest weight.

    Of PWAM a map is the word's weight at each pixel, the mean of the heads: a pixel's weights of all words sum to one.
    Of M3Att it is where the word looks: a word's weights of all pixels sum to one.

    Args:
        model (RefSegmentor): In evaluation mode, with a PWAM or an M3Att.
        dataset: With a pipeline for testing.
        number (int): Expressions. Defaults to 4.
        order (str): See :func:`choose`. Defaults to 'spread'.
        module (str, optional): Which of the model's, by name. Defaults to the first.
        columns (int): Images a row; an expression with more words goes on in the next. Defaults to 8.
        cell_width (int): Pixels of an image's longer side. Defaults to 200.

    Returns:
        np.ndarray: (h, w, 3) uint8, RGB.

    Raises:
        ValueError: The model has no such module.
    """
    names = list(attention_modules(model))
    if not names or module not in (None, *names):
        raise ValueError(f'attention of words is in PWAM and M3Att; this model has {", ".join(names) or "neither"}'
                         + (f', not {module!r}' if module else ''))
    rows = []
    for one in choose(model, dataset, number, order):
        cells = _cells(model, dataset[one.index], one, module or names[0], cell_width)
        rows += [[cells[0], *cells[1:columns]]]
        rest = cells[columns:]
        rows += [[None, *rest[start:start + columns - 1]] for start in range(0, len(rest), columns - 1)]
    font = sheet_font(cell_width)
    legend = [ramp_strip(heat_ramp(), "the word's least weight", 'its largest', font), *mask_legend(cell_width)]
    return draw_sheet(rows, legend, cell_width)


def _cells(model: RefSegmentor, item: dict, one: Chosen, module: str, cell_width: int) -> List[Cell]:
    batch = model.data_preprocessor(pseudo_collate([item]), False)
    found = word_maps(model, batch['inputs'], batch['data_samples'], module)[one.number]
    image = read_image(one.path)
    cells = [prediction_cell(image, one.expression, one.pred, one.truth, cell_width)]
    for word, weights in zip(found.words, found.maps):
        low, high = weights.min(), weights.max()
        panel = heat_panel(image, (weights - low) / (high - low).clamp(min=1e-12), cell_width,
                           input_size=batch['inputs'].shape[2:], img_size=one.img_size)
        cells.append(Cell(panel, word, f'{low:.2g} … {high:.2g}'))
    return cells
