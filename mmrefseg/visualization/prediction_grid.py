"""A contact sheet of predictions."""

from typing import Optional, Sequence

import numpy as np

from .panel import (
    PREDICTION,
    TRUTH,
    check_picture,
    iou_percent,
    mask_at_size,
    outline_mask,
    panel_size,
    resize_picture,
    tint_mask,
    write_picture,
)
from .text import FAINT, PAPER, line_height, load_font, text_block, wrap_text

GAP = 16
CAPTION_LINES = 3
MAT = (241, 243, 244)


def draw_prediction_grid(items: Sequence[tuple], out_file: Optional[str] = None, columns: int = 4,
                         cell_width: int = 320, alpha: float = 0.25,
                         font_file: Optional[str] = None) -> np.ndarray:
    """Draw several predictions on one sheet: tinted what was predicted, dashed what is true.

    Args:
        items (Sequence[tuple]): Each (image, expression, pred, gt): an (H, W, 3) uint8 RGB array, a
            string, and two masks (h, w), array or tensor of any size, 1 = referent; ``pred`` or ``gt``
            may be None.
        out_file (str, optional): Write the sheet there, atomically.
        columns (int): Pictures a row. Defaults to 4.
        cell_width (int): Pixels of a picture's longer side. Defaults to 320.
        alpha (float): Share of the colour in a tinted pixel. Defaults to 0.25.
        font_file (str, optional): A font for scripts that DejaVu Sans lacks.

    Returns:
        np.ndarray: (h, w, 3) uint8, RGB.

    Raises:
        ValueError: There are no items or no columns, a picture is no RGB array, a mask is not
            two-dimensional, or ``out_file`` does not end like a picture file.
    """
    if not items:
        raise ValueError('there is nothing to draw: items is empty')
    if columns < 1:
        raise ValueError(f'columns is {columns}, expected 1 or more')
    font = load_font(max(round(cell_width / 20), 12), font_file)
    cells = [_Cell(*item, width=cell_width, alpha=alpha, font=font) for item in items]
    columns = min(columns, len(cells))
    sheet_width = columns * cell_width + (columns - 1) * GAP
    rows = [_legend(cells, sheet_width, font)]
    for start in range(0, len(cells), columns):
        row = cells[start:start + columns]
        height = max(len(cell.panel) for cell in row)
        lines = max(len(cell.lines) for cell in row)
        canvas = np.full((height + GAP // 2 + (lines + 1) * line_height(font) + GAP, sheet_width, 3),
                         PAPER, dtype=np.uint8)
        for i, cell in enumerate(row):
            left = i * (cell_width + GAP)
            cell.paste(canvas[:, left:left + cell_width], height)
        rows.append(canvas)
    sheet = np.pad(np.concatenate(rows), ((GAP, 0), (GAP, GAP), (0, 0)), constant_values=PAPER[0])
    if out_file is not None:
        write_picture(sheet, out_file)
    return sheet


class _Cell:
    """One picture of the sheet with its caption."""

    def __init__(self, image, expression, pred, gt, width, alpha, font) -> None:
        image = check_picture(image)
        size = panel_size(image.shape, (width, width))
        self.panel = resize_picture(image, size)
        self.font = font
        self.lines = wrap_text(expression, font, width, CAPTION_LINES)
        self.has_pred, self.has_truth = pred is not None, gt is not None
        self.iou = None
        if self.has_pred:
            pred = mask_at_size(pred, image.shape[:2])
            mask = mask_at_size(pred, size)
            self.panel = tint_mask(self.panel, mask, PREDICTION, alpha)
            self.panel = outline_mask(self.panel, mask, PREDICTION)
        if self.has_truth:
            gt = mask_at_size(gt, image.shape[:2])
            self.panel = outline_mask(self.panel, mask_at_size(gt, size), TRUTH, dashed=True)
        if self.has_pred and self.has_truth:
            self.iou = iou_percent(pred, gt)

    def paste(self, canvas: np.ndarray, height: int) -> None:
        """Put the picture in the middle of the first ``height`` rows, the caption below it."""
        canvas[:height] = MAT
        top, left = (height - len(self.panel)) // 2, (canvas.shape[1] - self.panel.shape[1]) // 2
        canvas[top:top + len(self.panel), left:left + self.panel.shape[1]] = self.panel
        top = height + GAP // 2
        caption = text_block(self.lines, canvas.shape[1], self.font)
        canvas[top:top + len(caption)] = caption
        if self.iou is not None:
            label = text_block([f'IoU {self.iou:.1f}'], canvas.shape[1], self.font, FAINT)
            canvas[top + len(caption):top + len(caption) + len(label)] = label


def _legend(cells: Sequence[_Cell], width: int, font) -> np.ndarray:
    """What the colours mean, as far as they are used."""
    parts = []
    if any(cell.has_pred for cell in cells):
        parts.append((PREDICTION, 'prediction'))
    if any(cell.has_truth for cell in cells):
        parts.append((TRUTH, 'ground truth (dashed)'))
    strips = [text_block([text], int(font.getlength(text)) + 3 * line_height(font), font, FAINT, color)
              for color, text in parts]
    legend = np.full((line_height(font) + GAP // 2, width, 3), PAPER, dtype=np.uint8)
    if strips:
        strip = np.concatenate(strips, axis=1)[:, :width]
        legend[:len(strip), :strip.shape[1]] = strip
    return legend
