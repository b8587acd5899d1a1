"""Place of an image in the square that it is fitted into."""

from dataclasses import dataclass
from typing import Sequence, Tuple

import numpy as np


@dataclass(frozen=True)
class LetterboxGeometry:
    """An image of any size, scaled into a rectangle and centred there.

    The pixel (x, y) of the image lies at (left + x * scale_x, top + y * scale_y) of the rectangle, in pixels counted
    from 0. CRIS maps the first pixels' centres so, VLT, which resizes to whole pixels, the upper left corners.

    Attributes:
        left (float): Pixels.
        top (float): Pixels.
        scale_x (float): Pixels of the rectangle for one of the image.
        scale_y (float): The same, but where sizes are rounded to whole pixels.
        whole_pixels (bool): Whether ``left``, ``top`` and the image's size in the rectangle are whole.
    """

    left: float
    top: float
    scale_x: float
    scale_y: float
    whole_pixels: bool = False

    @classmethod
    def fit(cls, image_shape: Sequence[int], scale: Sequence[int], whole_pixels: bool = False) -> 'LetterboxGeometry':
        """The largest image of unchanged proportions.

        Args:
            image_shape (Sequence[int]): (H, W) of the image.
            scale (Sequence[int]): (width, height) of the rectangle.
            whole_pixels (bool): Round sizes and margins down, as VLT. Defaults to False, as CRIS.
        """
        height, width = image_shape[:2]
        factor = min(scale[0] / width, scale[1] / height)
        if not whole_pixels:
            return cls((scale[0] - width * factor) / 2, (scale[1] - height * factor) / 2, factor, factor)
        fitted = max(1, int(width * factor)), max(1, int(height * factor))
        return cls((scale[0] - fitted[0]) // 2, (scale[1] - fitted[1]) // 2, fitted[0] / width, fitted[1] / height,
                   whole_pixels=True)

    def fitted_size(self, image_shape: Sequence[int]) -> Tuple[int, int]:
        """(height, width) in whole pixels of an image (H, W) in the rectangle."""
        return round(image_shape[0] * self.scale_y), round(image_shape[1] * self.scale_x)

    def matrix(self) -> np.ndarray:
        """(2, 3): from the image's pixels (x, y, 1) to the rectangle's, as cv2 takes it."""
        return np.array([[self.scale_x, 0, self.left], [0, self.scale_y, self.top]], np.float64)
