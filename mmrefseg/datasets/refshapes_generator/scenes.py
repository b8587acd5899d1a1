"""Scenes of RefShapes: kinds, colours, textures, and how they are put together."""

import random
from typing import List, NamedTuple, Tuple

import numpy as np

from .outlines import outline_mask

ROUND_KINDS = ('circle', 'ring', 'moon')
ANGULAR_KINDS = ('square', 'triangle', 'star', 'cross', 'diamond', 'hexagon')
KINDS = ROUND_KINDS + ANGULAR_KINDS
COLOURS = ('red', 'orange', 'yellow', 'green', 'blue', 'purple', 'white')
TEXTURES = ('plain', 'striped', 'dotted', 'checkered')
SPLITS = ('train', 'val', 'testA', 'testB')

# One colour of every kind, each colour once or twice: these are the referents of testB and are in
# no image of the other splits.
HELD_OUT = frozenset(
    (kind, COLOURS[(3 * index + 1) % len(COLOURS)]) for index, kind in enumerate(KINDS))

# Radii as shares of the image. Between small and large lies a band that is called neither.
RADIUS_RANGES = {'small': (0.085, 0.11), 'medium': (0.115, 0.145), 'large': (0.15, 0.2)}
RADIUS_WEIGHTS = (0.4, 0.2, 0.4)
# What the annotations say of each shape, and the values it may have.
SHAPE_ATTRIBUTES = dict(kind=KINDS, colour=COLOURS, texture=TEXTURES, size=tuple(RADIUS_RANGES))


class Style(NamedTuple):
    """Sort of scenes: what is drawn in them.

    Attributes:
        kinds, colours, textures (tuple[str]): Some of :data:`KINDS`, :data:`COLOURS`, :data:`TEXTURES`.
        shapes (tuple[int, int]): Fewest and most shapes of a scene.
        radius_scale (float): Of :data:`RADIUS_RANGES`.
    """

    kinds: Tuple[str, ...]
    colours: Tuple[str, ...]
    textures: Tuple[str, ...]
    shapes: Tuple[int, int]
    radius_scale: float

    @property
    def held_out(self) -> List[Tuple[str, str]]:
        """The pairs of :data:`HELD_OUT` that can be drawn, sorted."""
        return sorted(pair for pair in HELD_OUT if pair[0] in self.kinds and pair[1] in self.colours)


# ``simple``: fewer shapes, as wide in an image of 64 pixels as those of ``full`` in one of 96: for trainings that are
# over in minutes.
STYLES = dict(
    full=Style(KINDS, COLOURS, TEXTURES, (3, 7), 1.),
    simple=Style((*ROUND_KINDS, 'square', 'star'), ('red', 'yellow', 'green', 'blue'), ('plain', 'striped'), (3, 5),
                 1.4))

# Every shape shows at least this share of its own area, and this share of the image.
MIN_VISIBLE_SHARE = 0.65
MIN_VISIBLE_OF_IMAGE = 0.004


class Shape(NamedTuple):
    """One shape of a scene; lengths in pixels, ``angle`` in radians.

    ``radius`` is half the shape's nominal width and decides what ``size`` (small, medium, large) it
    is called. ``referable`` tells whether the split's expressions may refer to it.
    """

    kind: str
    colour: str
    texture: str
    size: str
    radius: float
    x: float
    y: float
    angle: float
    referable: bool


class Scene(NamedTuple):
    """The shapes of an image, from the bottom one to the top one, and what is seen of them.

    Attributes:
        size (int): Side of the square image S, pixels.
        shapes (list[Shape]): The n shapes.
        owner (np.ndarray): (S, S) uint8: 0 background, i + 1 where shape i is on top.
        centres (list[tuple]): n times (x, y), the centroid of what is seen of the shape.
        hidden (list[list[float]]): ``hidden[i][j]``: the share of shape i's own area that shape j
            covers.
        contacts (list[list[int]]): ``contacts[i][j]``: pairs of neighbouring pixels of which one
            shows shape i and the other shape j.
    """

    size: int
    shapes: List[Shape]
    owner: np.ndarray
    centres: List[Tuple[float, float]]
    hidden: List[List[float]]
    contacts: List[List[int]]


def scene_random(seed: int, split: str, number: int, purpose: str) -> random.Random:
    """The random numbers of one purpose in one scene; they depend on nothing else."""
    return random.Random(f'refshapes/{seed}/{split}/{number}/{purpose}')


def sample_scene(seed: int, split: str, number: int, size: int, style: str = 'full') -> Scene:
    """Draw scene ``number`` of a split: some overlapping shapes.

    Few kinds, colours and textures per scene, so that most shapes share theirs with another one.

    Args:
        seed (int): The data set's seed.
        split (str): One of :data:`SPLITS`. train and val have the same distribution and none of
            :data:`HELD_OUT`; in testA only round kinds can be referred to; testB has held-out
            combinations in every image and refers to these only.
        number (int): Number of the scene within the split.
        size (int): Side of the square image, pixels.
        style (str): One of :data:`STYLES`.

    Returns:
        Scene: The scene; the same arguments give the same one.
    """
    rng = scene_random(seed, split, number, 'scene')
    while True:
        scene = _place(rng, _draw_looks(rng, split, STYLES[style]), split, size, STYLES[style].radius_scale)
        if len(scene.shapes) >= 3 and any(shape.referable for shape in scene.shapes):
            return scene


def _draw_looks(rng: random.Random, split: str, style: Style) -> List[Tuple[str, str, str]]:
    """Kind, colour and texture of the shapes."""
    count = rng.randint(*style.shapes)
    kinds = rng.sample(style.kinds, 2 if count < 5 else 3)
    colours = rng.sample(style.colours, 2 if count < 5 else 3)
    textures = rng.sample(style.textures, min(rng.randint(2, 3), len(style.textures)))
    looks = []
    if split == 'testA' and kinds[0] not in ROUND_KINDS:
        kinds[0] = rng.choice([kind for kind in ROUND_KINDS if kind in style.kinds and kind not in kinds])
    if split == 'testB':
        kind, colour = rng.choice(style.held_out)
        kinds = [kind] + [other for other in kinds if other != kind][:len(kinds) - 1]
        colours = [colour] + [other for other in colours if other != colour][:len(colours) - 1]
        looks.append((kind, colour, rng.choice(textures)))
    while len(looks) < count:
        # In testA the round kind is drawn more often, as there are many people in RefCOCO's testA.
        first = split == 'testA' and rng.random() < 0.4
        look = (kinds[0] if first else rng.choice(kinds), rng.choice(colours), rng.choice(textures))
        if split == 'testB' or look[:2] not in HELD_OUT:
            looks.append(look)
    rng.shuffle(looks)
    return looks


def _is_referable(split: str, kind: str, colour: str) -> bool:
    if split == 'testA':
        return kind in ROUND_KINDS
    return split != 'testB' or (kind, colour) in HELD_OUT


def _place(rng: random.Random, looks: List[Tuple[str, str, str]], split: str, size: int,
           radius_scale: float) -> Scene:
    """Put shapes into the image one upon another; one that finds no place is left out."""
    shapes: List[Shape] = []
    masks: List[np.ndarray] = []
    areas: List[int] = []
    needed: List[float] = []
    owner = np.zeros((size, size), np.uint8)
    visible = np.zeros(1, np.int64)
    for kind, colour, texture in looks:
        name = rng.choices(list(RADIUS_RANGES), RADIUS_WEIGHTS)[0]
        radius = rng.uniform(*RADIUS_RANGES[name]) * radius_scale * size
        for _ in range(12):
            x, y = _propose_centre(rng, shapes, radius, size)
            angle = rng.uniform(-0.2, 0.2)
            mask = outline_mask(kind, radius, x, y, angle, size)
            inside = mask.view(bool)
            covered = np.bincount(owner[inside], minlength=len(shapes) + 1)
            left = visible - covered
            if all(seen >= need for seen, need in zip(left[1:].tolist(), needed)):
                break
        else:
            continue
        area = int(covered.sum())
        areas.append(area)
        needed.append(max(MIN_VISIBLE_SHARE * area, MIN_VISIBLE_OF_IMAGE * size * size))
        masks.append(inside)
        visible = np.append(left, area)
        shapes.append(Shape(kind, colour, texture, name, radius, x, y, angle,
                            _is_referable(split, kind, colour)))
        owner[inside] = len(shapes)
    return Scene(size, shapes, owner, *_measure(owner, masks, areas))


def _propose_centre(rng: random.Random, shapes: List[Shape], radius: float,
                    size: int) -> Tuple[float, float]:
    """Anywhere, or, for every second shape, where it will overlap one that is there already."""
    low, high = 1.3 * radius, size - 1 - 1.3 * radius
    if shapes and rng.random() < 0.5:
        other = rng.choice(shapes)
        reach = (other.radius + radius) * rng.uniform(0.7, 1.1)
        dx = rng.uniform(-1, 1)
        dy = (1 - dx * dx) ** 0.5 * rng.choice((-1, 1))
        x, y = other.x + reach * dx, other.y + reach * dy
        return min(max(x, low), high), min(max(y, low), high)
    return rng.uniform(low, high), rng.uniform(low, high)


def _measure(owner: np.ndarray, masks: List[np.ndarray], areas: List[int]) -> tuple:
    """``centres``, ``hidden`` and ``contacts`` of a :class:`Scene`."""
    count = len(masks) + 1
    flat = owner.ravel()
    ys, xs = np.divmod(np.flatnonzero(flat), owner.shape[1])
    owners = flat[flat > 0]
    seen = np.bincount(owners, minlength=count)[1:]
    centre_x = np.bincount(owners, xs, minlength=count)[1:] / seen
    centre_y = np.bincount(owners, ys, minlength=count)[1:] / seen
    hidden = []
    for index, (mask, area) in enumerate(zip(masks, areas)):
        shares = (np.bincount(owner[mask], minlength=count)[1:] / area).tolist()
        shares[index] = 0.
        hidden.append(shares)
    contacts = np.zeros((count, count), np.int64)
    for one, other in ((owner[:, 1:], owner[:, :-1]), (owner[1:], owner[:-1])):
        met = one != other
        pairs = one[met].astype(np.int64) * count + other[met]
        contacts += np.bincount(pairs, minlength=count * count).reshape(count, count)
    contacts = (contacts + contacts.T)[1:, 1:].tolist()
    return list(zip(centre_x.tolist(), centre_y.tolist())), hidden, contacts
