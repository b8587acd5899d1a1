"""Text as pixels, in any script that the font has."""

import os
from functools import lru_cache
from typing import List, Optional, Tuple

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

Color = Tuple[int, int, int]
INK: Color = (32, 33, 36)
FAINT: Color = (95, 99, 104)
PAPER: Color = (255, 255, 255)


@lru_cache(maxsize=32)
def load_font(size: int, font_file: Optional[str] = None) -> ImageFont.FreeTypeFont:
    """A font of ``size`` pixels.

    Args:
        size (int): Pixels.
        font_file (str, optional): A TrueType or OpenType file, for scripts that the default lacks.
            Defaults to matplotlib's DejaVu Sans (Latin, Greek, Cyrillic, …), which is always there;
            Pillow's own font has no accents.

    Returns:
        ImageFont.FreeTypeFont: The font; a character it lacks is drawn as a box.

    Raises:
        ValueError: The file is no font.
    """
    path = font_file or os.path.join(matplotlib.get_data_path(), 'fonts', 'ttf', 'DejaVuSans.ttf')
    try:
        return ImageFont.truetype(path, size)
    except OSError as error:
        raise ValueError(f'font_file {path} cannot be read as a font: {error}') from error


def wrap_text(text: str, font: ImageFont.FreeTypeFont, width: int,
              max_lines: Optional[int] = None) -> List[str]:
    """Break a text into lines that fit.

    Args:
        text (str): Anything; white space is squeezed, unprintable characters become U+FFFD.
        font (ImageFont.FreeTypeFont): What it is written in.
        width (int): Pixels a line may take.
        max_lines (int, optional): Cut there, with an ellipsis. Defaults to no limit.

    Returns:
        list[str]: At least one line. A word that is wider than a line is broken.
    """
    words = [''.join(c if c.isprintable() else '\ufffd' for c in word) for word in text.split()]
    lines = ['']
    for word in words:
        candidate = f'{lines[-1]} {word}'.strip()
        if font.getlength(candidate) <= width:
            lines[-1] = candidate
            continue
        if lines[-1]:
            lines.append('')
        for character in word:
            if lines[-1] and font.getlength(lines[-1] + character) > width:
                lines.append('')
            lines[-1] += character
    if max_lines is not None and len(lines) > max_lines:
        lines = lines[:max_lines]
        while lines[-1] and font.getlength(lines[-1] + '…') > width:
            lines[-1] = lines[-1][:-1]
        lines[-1] = lines[-1].rstrip() + '…'
    return lines


def line_height(font: ImageFont.FreeTypeFont) -> int:
    """Pixels from one line to the next."""
    return round(font.size * 1.3)


def text_block(lines: List[str], width: int, font: ImageFont.FreeTypeFont, color: Color = INK,
               swatch: Optional[Color] = None) -> np.ndarray:
    """Write lines on a white strip.

    Args:
        lines (list[str]): One or more lines.
        width (int): Pixels; what is longer is cut off.
        font (ImageFont.FreeTypeFont): What they are written in.
        color (Color): RGB of the letters.
        swatch (Color, optional): RGB of a small square before the first line.

    Returns:
        np.ndarray: (h, width, 3) uint8, RGB.
    """
    step = line_height(font)
    strip = Image.new('RGB', (width, step * len(lines)), PAPER)
    draw = ImageDraw.Draw(strip)
    left = 0
    if swatch is not None:
        side = round(font.size * 0.7)
        top = (step - side) // 2
        draw.rectangle((0, top, side - 1, top + side - 1), fill=swatch)
        left = round(side * 1.6)
    for i, line in enumerate(lines):
        # Anchor 'lm': the middle of the line, so that all strips sit alike whatever their letters.
        draw.text((left, i * step + step // 2), line, font=font, fill=color, anchor='lm')
    return np.asarray(strip)
