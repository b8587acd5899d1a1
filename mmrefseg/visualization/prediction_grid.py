"""A contact sheet of predictions."""

from typing import List, Optional, Sequence

import numpy as np

from .panel import (
    NO_OBJECT,
    PREDICTION,
    TRUTH,
    check_image,
    iou_percent,
    mask_at_size,
    outline_mask,
    panel_size,
    resize_image,
    tint_mask,
    write_image,
)
from .sheet import Cell, draw_sheet, sheet_font, swatch_strip


def draw_prediction_grid(items: Sequence[tuple], out_file: Optional[str] = None, columns: int = 4,
                         cell_width: int = 320, alpha: float = 0.25,
                         font_file: Optional[str] = None) -> np.ndarray:
    """Draw several predictions on one sheet: tinted what was predicted, dashed what is true.

    Args:
        items (Sequence[tuple]): Each (image, expression, pred, gt): an (H, W, 3) uint8 RGB array, a
            string, and two masks (h, w), array or tensor of any size, 1 = referent; ``pred`` or ``gt``
            may be None.
        out_file (str, optional): Write the sheet there, atomically.
        columns (int): Images a row. Defaults to 4.
        cell_width (int): Pixels of an image's longer side. Defaults to 320.
        alpha (float): Share of the colour in a tinted pixel. Defaults to 0.25.
        font_file (str, optional): A font for scripts that DejaVu Sans lacks.

    Returns:
        np.ndarray: (h, w, 3) uint8, RGB.

    Raises:
        ValueError: There are no items or no columns, an image is no RGB array, a mask is not
            two-dimensional, or ``out_file`` does not end like an image file.
    """
    if not items:
        raise ValueError('there is nothing to draw: items is empty')
    if columns < 1:
        raise ValueError(f'columns is {columns}, expected 1 or more')
    cells = [prediction_cell(*item, width=cell_width, alpha=alpha) for item in items]
    legend = mask_legend(cell_width, font_file, pred=any(item[2] is not None for item in items),
                         truth=any(item[3] is not None for item in items))
    sheet = draw_sheet([cells[start:start + columns] for start in range(0, len(cells), columns)], legend, cell_width,
                       font_file)
    if out_file is not None:
        write_image(sheet, out_file)
    return sheet


def prediction_cell(image: np.ndarray, caption: str, pred, gt, width: int, alpha: float = 0.25) -> Cell:
    """An image of a sheet, arguments as the items of :func:`draw_prediction_grid`; with both masks their IoU below."""
    image = check_image(image)
    size = panel_size(image.shape, (width, width))
    panel, note = resize_image(image, size), ''
    if pred is not None:
        pred = mask_at_size(pred, image.shape[:2])
        mask = mask_at_size(pred, size)
        panel = outline_mask(tint_mask(panel, mask, PREDICTION, alpha), mask, PREDICTION)
    if gt is not None:
        gt = mask_at_size(gt, image.shape[:2])
        panel = outline_mask(panel, mask_at_size(gt, size), TRUTH, dashed=True)
    if pred is not None and gt is not None:
        note = f'IoU {iou_percent(pred, gt):.1f}' if (gt == 1).any() else f'there is {NO_OBJECT}'
    return Cell(panel, caption, note)


def mask_legend(cell_width: int, font_file: Optional[str] = None, pred: bool = True,
                truth: bool = True) -> List[np.ndarray]:
    """Legend of the masks' colours, as far as they are used."""
    font = sheet_font(cell_width, font_file)
    parts = [(PREDICTION, 'prediction')] * pred + [(TRUTH, 'ground truth (dashed)')] * truth
    return [swatch_strip(color, text, font) for color, text in parts]
