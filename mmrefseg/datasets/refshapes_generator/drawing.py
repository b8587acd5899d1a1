"""The pixels of RefShapes: colours, textures, edges, background and noise."""

import functools
import math
import random

import cv2
import numpy as np

from .scenes import Scene

# BGR.
COLOUR_VALUES = {'red': (45, 40, 215), 'orange': (20, 130, 250), 'yellow': (50, 225, 245),
                 'green': (60, 165, 45), 'blue': (220, 95, 40), 'purple': (185, 45, 145),
                 'white': (240, 240, 240)}
TEXTURE_TONE = 0.5
EDGE_TONE = 0.3


@functools.lru_cache(maxsize=64)
def _pattern(texture: str, variant: int, size: int) -> np.ndarray:
    """(size, size) bool, True in the dark parts of a texture."""
    period = 0.055 * size
    ys, xs = np.mgrid[:size, :size] / period
    if texture == 'striped':
        turn = math.pi * (variant / 4 + 0.125)
        return (xs * math.cos(turn) + ys * math.sin(turn) + variant / 8) % 1 < 0.45
    if texture == 'dotted':
        xs, ys = xs + variant / 4, ys + variant / 4
        return (xs % 1 - 0.5) ** 2 + (ys % 1 - 0.5) ** 2 < 0.085
    return ((xs + variant / 4) // 0.75 + (ys + variant / 4) // 0.75) % 2 < 1


def draw_scene(scene: Scene, rng: random.Random) -> np.ndarray:
    """Draw a scene: (S, S, 3) uint8 BGR.

    A grey gradient, the shapes with a dark edge (so that two alike that overlap stay two), noise.
    """
    size, owner = scene.size, scene.owner
    # Every pixel looks its colour up: three tones a shape (plain, texture, edge).
    tones = owner * np.uint8(3)
    palette = np.zeros((3 * len(scene.shapes) + 3, 3))
    for index, shape in enumerate(scene.shapes, start=1):
        light = rng.uniform(0.88, 1.06)
        base = np.array(COLOUR_VALUES[shape.colour]) * light
        palette[3 * index:3 * index + 3] = base, base * TEXTURE_TONE, base * EDGE_TONE
        if shape.texture != 'plain':
            tones += _pattern(shape.texture, rng.randrange(4), size) & (owner == index)
    # The least owner around a pixel is lower than its own exactly on the upper shape's edge.
    edge = owner > cv2.erode(owner, np.ones((3, 3), np.uint8), borderValue=0)
    np.copyto(tones, owner * np.uint8(3) + np.uint8(2), where=edge)
    image = np.take(np.clip(palette, 0, 255).astype(np.uint8), tones, axis=0)
    image = cv2.copyTo(_background(size, rng), (owner == 0).view(np.uint8), image)
    # Noise: the difference of a random byte's two halves, 0 to 15 each.
    noise = np.frombuffer(rng.randbytes(image.size), np.uint8).reshape(image.shape)
    return cv2.subtract(cv2.add(image, noise & np.uint8(15)), noise >> np.uint8(4))


def _background(size: int, rng: random.Random) -> np.ndarray:
    """A gradient between two muted greys: (S, S, 3) uint8."""
    corners = np.empty((2, 2, 3), np.float32)
    for row in range(2):
        for column in range(2):
            grey = rng.uniform(70, 150)
            corners[row, column] = [grey + rng.uniform(-15, 15) for _ in range(3)]
    return cv2.resize(corners, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
