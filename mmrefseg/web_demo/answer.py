"""An image file and typed text in, what a model found out."""

from dataclasses import dataclass
from typing import List, Optional

import cv2
import numpy as np

from mmrefseg.errors import RefDataError
from mmrefseg.visualization.panel import PREDICTION, mask_at_size, outline_mask, panel_size, resize_image, tint_mask

from .expression_lines import read_expressions, text_notes
from .model_pool import ModelPool
from .uploaded_image import open_image

# Least and largest longer side of an overlay: small images are enlarged, so that the outline does not hide them.
SIDES = (512, 1024)
ALPHA = 0.15
# What is not found is darkened: colour alone is lost on an image of the same colour.
DARKEN = 0.55


@dataclass
class Finding:
    """Finding for one expression.

    Attributes:
        expression (str): What was looked for.
        overlay (np.ndarray): (h, w, 3) uint8 RGB, the image with the mask drawn on it.
        score (float): Mean probability inside the mask, 0 for an empty one.
        share (float): How much of the image the mask covers, 0 to 1.
        existence (float | None): Probability that there is such an object, of a model with an existence head.
    """
    expression: str
    overlay: np.ndarray
    score: float
    share: float
    existence: Optional[float] = None


@dataclass
class Answer:
    """Findings in an image, and what the user should know about them.

    Attributes:
        findings (list[Finding]): One an expression.
        notes (list[str]): For example that the image was made smaller.
    """
    findings: List[Finding]
    notes: List[str]


def find_in_image(pool: ModelPool, model: str, path: Optional[str], text: Optional[str]) -> Answer:
    """Look for all expressions in an image.

    Args:
        pool (ModelPool): The models.
        model (str): The name of one; it is loaded only for an image and a text that are in order.
        path (str, optional): The image's file.
        text (str, optional): The expressions, one a line.

    Returns:
        Answer: The findings, in the order of the expressions, and notes.

    Raises:
        RefDataError: No image, one that cannot be read or is too large, or no expression; the message is for users.
        Exception: What :meth:`ModelPool.get` and the model raise.
    """
    if not path:
        raise RefDataError('There is no picture yet: upload one, or click on a sample.')
    expressions, notes = read_expressions(text)
    image, made_smaller = open_image(path)
    inferencer = pool.get(model)
    notes = [*([made_smaller] if made_smaller else []), *notes, *text_notes(inferencer.tokenizer, expressions)]
    result, = inferencer(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), expressions)
    size = panel_size(image.shape, SIDES)
    canvas = resize_image(image, size)
    findings = [
        Finding(expression, draw_overlay(canvas, mask), score, float(mask.mean()), existence)
        for expression, mask, score, existence in zip(
            expressions, result['masks'], result['scores'], result['existence'] or [None] * len(expressions))]
    return Answer(findings, notes)


def draw_overlay(canvas: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Draw a mask (H, W) of any size on an image (h, w, 3) uint8 RGB: tinted and outlined, all else darker."""
    mask = mask_at_size(mask, canvas.shape[:2])
    drawn = tint_mask(canvas, 1 - mask, (0, 0, 0), DARKEN) if mask.any() else canvas
    return outline_mask(tint_mask(drawn, mask, PREDICTION, ALPHA), mask, PREDICTION)
