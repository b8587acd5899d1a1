"""Captioned images in rows, with a legend above them."""

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import numpy as np

from .text import FAINT, PAPER, Color, line_height, load_font, text_block, wrap_text

GAP = 16
CAPTION_LINES = 3
MAT: Color = (241, 243, 244)


@dataclass
class Cell:
    """One image of a sheet.

    Attributes:
        panel (np.ndarray): (h, w, 3) uint8, RGB, drawn as it is: w and h at most the sheet's ``cell_width``.
        caption (str): Below it.
        note (str): Below that, in a fainter colour; none if empty.
    """

    panel: np.ndarray
    caption: str = ''
    note: str = ''


def sheet_font(cell_width: int, font_file: Optional[str] = None):
    """The font of a sheet's captions and legend."""
    return load_font(max(round(cell_width / 20), 12), font_file)


def swatch_strip(color: Color, text: str, font) -> np.ndarray:
    """A legend's entry: a small square of a colour and what it means."""
    return text_block([text], int(font.getlength(text)) + 3 * line_height(font), font, FAINT, color)


def ramp_strip(ramp: np.ndarray, low: str, high: str, font) -> np.ndarray:
    """A legend's entry: a ramp of colours (n, 3), uint8, with what its ends mean."""
    space = line_height(font) // 2
    texts = [text_block([text], int(font.getlength(text)) + space, font, FAINT) for text in (low, high)]
    bar = np.full_like(texts[0][:, :1], PAPER[0]).repeat(7 * font.size, axis=1)
    margin = (len(bar) - round(font.size * 0.7)) // 2
    colors = ramp[np.linspace(0, len(ramp) - 1, bar.shape[1] - font.size // 2).astype(int)]
    bar[margin:len(bar) - margin, :len(colors)] = colors
    gap = np.full_like(bar[:, :2 * font.size], PAPER[0])
    return np.concatenate([texts[0], bar, texts[1], gap], axis=1)


def draw_sheet(rows: Sequence[Sequence[Optional[Cell]]], legend: Sequence[np.ndarray], cell_width: int,
               font_file: Optional[str] = None) -> np.ndarray:
    """Put cells side by side in rows.

    Args:
        rows (Sequence[Sequence[Cell | None]]): From left to right; None leaves a place empty.
        legend (Sequence[np.ndarray]): Entries of equal height, of :func:`swatch_strip` or :func:`ramp_strip`; those
            that do not fit into the width go on a line of their own.
        cell_width (int): Pixels of a place.
        font_file (str, optional): A font for scripts that DejaVu Sans lacks.

    Returns:
        np.ndarray: (h, w, 3) uint8, RGB.
    """
    font = sheet_font(cell_width, font_file)
    columns = max(len(row) for row in rows)
    width = columns * cell_width + (columns - 1) * GAP
    strips = [_legend(legend, width, font)]
    strips += [_draw_row(row, width, cell_width, font) for row in rows]
    return np.pad(np.concatenate(strips), ((GAP, 0), (GAP, GAP), (0, 0)), constant_values=PAPER[0])


def _draw_row(row: Sequence[Optional[Cell]], width: int, cell_width: int, font) -> np.ndarray:
    cells: List[Tuple[int, Cell, List[str]]] = []
    for place, cell in enumerate(row):
        if cell is not None:
            cells.append((place, cell, wrap_text(cell.caption, font, cell_width, CAPTION_LINES)))
    height = max(len(cell.panel) for _, cell, _ in cells)
    lines = max(len(caption) + bool(cell.note) for _, cell, caption in cells)
    canvas = np.full((height + GAP // 2 + lines * line_height(font) + GAP, width, 3), PAPER, dtype=np.uint8)
    for place, cell, caption in cells:
        left = place * (cell_width + GAP)
        place_of_cell = canvas[:, left:left + cell_width]
        place_of_cell[:height] = MAT
        _paste(place_of_cell, cell.panel, (height - len(cell.panel)) // 2, (cell_width - cell.panel.shape[1]) // 2)
        below = height + GAP // 2
        _paste(place_of_cell, text_block(caption, cell_width, font), below, 0)
        if cell.note:
            _paste(place_of_cell, text_block([cell.note], cell_width, font, FAINT),
                   below + len(caption) * line_height(font), 0)
    return canvas


def _paste(canvas: np.ndarray, image: np.ndarray, top: int, left: int) -> None:
    canvas[top:top + len(image), left:left + image.shape[1]] = image


def _legend(entries: Sequence[np.ndarray], width: int, font) -> np.ndarray:
    """The entries from left to right, on as many lines as they take."""
    lines, left = [[]], 0
    for entry in entries:
        if left and left + entry.shape[1] > width:
            lines.append([])
            left = 0
        lines[-1].append((left, entry[:, :width]))
        left += entry.shape[1]
    legend = np.full((len(lines) * line_height(font) + GAP // 2, width, 3), PAPER, dtype=np.uint8)
    for number, line in enumerate(lines):
        for left, entry in line:
            _paste(legend, entry, number * line_height(font), left)
    return legend
