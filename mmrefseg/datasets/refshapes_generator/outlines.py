"""Outlines of the kinds of RefShapes, and the pixels inside them."""

import math
from typing import Dict, List

import cv2
import numpy as np


def _circle(radius: float, corners: int = 48, start: float = 0.) -> np.ndarray:
    turns = start + 2 * math.pi * np.arange(corners) / corners
    return radius * np.stack([np.sin(turns), -np.cos(turns)], axis=1)


def _star() -> np.ndarray:
    outer, inner = _circle(1.25, 5), _circle(0.52, 5, start=math.pi / 5)
    return np.stack([outer, inner], axis=1).reshape(-1, 2)


def _cross(arm: float = 0.36, reach: float = 1.08) -> np.ndarray:
    a, r = arm, reach
    return np.array([(-a, -r), (a, -r), (a, -a), (r, -a), (r, a), (a, a), (a, r), (-a, r), (-a, a),
                     (-r, a), (-r, -a), (-a, -a)])


def _moon() -> np.ndarray:
    """A crescent, open to the upper right: an outer arc and back along a shifted inner one."""
    outer = _circle(1.15, 48)
    shift = np.array([0.5, -0.3])
    kept = outer[np.linalg.norm(outer - shift, axis=1) > 0.95]
    # The arc is cut once: roll it so that the gap lies between its last and its first point.
    gap = int(np.argmax(np.linalg.norm(kept - np.roll(kept, 1, axis=0), axis=1)))
    kept = np.roll(kept, -gap, axis=0)
    inner = shift + _circle(0.95, 96)
    inner = inner[np.linalg.norm(inner, axis=1) < 1.15]
    gap = int(np.argmax(np.linalg.norm(inner - np.roll(inner, 1, axis=0), axis=1)))
    inner = np.roll(inner, -gap, axis=0)
    return np.concatenate([kept, inner[::-1]]) - np.array([-0.2, 0.12])


# Closed contours for a radius of 1; a second contour is a hole.
OUTLINES: Dict[str, List[np.ndarray]] = {
    'circle': [_circle(1.)],
    'ring': [_circle(1.1), _circle(0.58)],
    'moon': [_moon()],
    'square': [np.array([(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)])],
    'triangle': [_circle(1.25, 3) + np.array([0, 0.2])],
    'star': [_star()],
    'cross': [_cross()],
    'diamond': [np.array([(0, -1.25), (0.85, 0), (0, 1.25), (-0.85, 0)])],
    'hexagon': [_circle(1.08, 6, start=math.pi / 6)],
}


def outline_mask(kind: str, radius: float, x: float, y: float, angle: float,
                 size: int) -> np.ndarray:
    """The whole shape, covered or not: (size, size) uint8 in {0, 1}.

    Args:
        kind (str): A key of :data:`OUTLINES`.
        radius (float): Pixels for a unit of the outline.
        x, y (float): Centre, pixels.
        angle (float): Clockwise turn, radians.
        size (int): Side of the image, pixels.
    """
    cos, sin = radius * math.cos(angle), radius * math.sin(angle)
    turn = np.array([(cos, sin), (-sin, cos)])
    # cv2 takes sixteenths of a pixel with shift=4.
    contours = [np.rint((contour @ turn + (x, y)) * 16).astype(np.int32)
                for contour in OUTLINES[kind]]
    mask = np.zeros((size, size), np.uint8)
    return cv2.fillPoly(mask, contours, 1, shift=4)
