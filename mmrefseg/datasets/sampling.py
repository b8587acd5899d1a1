"""How expressions become samples, and how chance is made repeatable."""

import random
from contextlib import contextmanager
from typing import Iterator, Tuple

import numpy as np

SAMPLE_BY = ('ref', 'image_refs', 'expression', 'image')
# Those that draw one expression of a ref at random, for training.
DRAWN = ('ref', 'image_refs')
# Generators that no block of `seeded` has at the moment.
_SPARE = []


def group_expressions(keys: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Group expressions by a key, groups in the order of their first member.

    Args:
        keys (np.ndarray): (S,) int, a key for each expression.

    Returns:
        tuple[np.ndarray, np.ndarray]: ``order`` (S,) int64, positions of the expressions, group
        after group, and ``offsets`` (groups + 1,) int64 that delimits them.
    """
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    group = rank[group]
    counts = np.bincount(group, minlength=len(first))
    return np.argsort(group, kind='stable'), np.concatenate([[0], np.cumsum(counts)])


def split_images(images: np.ndarray, refs: np.ndarray, max_refs: int) -> np.ndarray:
    """Split the refs of an image into as few groups of at most ``max_refs`` as can be, of about the same size.

    Args:
        images (np.ndarray): (S,) int, the image of each expression.
        refs (np.ndarray): (S,) int, the ref of each expression.
        max_refs (int): Refs of a group, 1 or more.

    Returns:
        np.ndarray: (S,) int64, a key for each expression: the same for those of a group, another for all others.
    """
    distinct, first, ref = np.unique(refs, return_index=True, return_inverse=True)
    order, offsets = group_expressions(images[first])
    counts = np.diff(offsets)
    number = np.empty(len(distinct), np.int64)  # of a ref in its image
    number[order] = np.arange(len(order)) - np.repeat(offsets[:-1], counts)
    image = np.empty(len(distinct), np.int64)
    image[order] = np.repeat(np.arange(len(counts)), counts)
    groups = -(-counts // max_refs)
    before = np.concatenate([[0], np.cumsum(groups)])
    return (before[image] + number * groups[image] // counts[image])[ref]


def swap_objects(image_ids: np.ndarray, objects: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Give the expressions of every object to another object of the same image.

    The objects of an image stand in a circle, in an order drawn from (0, image id), and each hands
    its expressions on to the next: always the same, and never the own object.

    Args:
        image_ids (np.ndarray): (S,) int, the image of each expression.
        objects (np.ndarray): (S,) int, the object each expression refers to.

    Returns:
        tuple[np.ndarray, np.ndarray]: ``kept`` (K,) int64, positions of the expressions whose
        image has at least two objects, and ``other`` (K,) the object each of them is given to.
    """
    order, offsets = group_expressions(image_ids)
    other = np.full(len(objects), -1, np.int64)
    for start, stop in zip(offsets[:-1], offsets[1:]):
        members = order[start:stop]
        circle = np.unique(objects[members])
        if len(circle) > 1:
            generator = np.random.default_rng((0, int(image_ids[members[0]])))
            circle = generator.permutation(circle)
            following = dict(zip(circle.tolist(), np.roll(circle, -1).tolist()))
            other[members] = [following[row] for row in objects[members].tolist()]
    kept = np.flatnonzero(other >= 0)
    return kept, other[kept]


def draw(count: int, *entropy: int) -> int:
    """int: One of ``range(count)``, the same for the same entropy (non-negative integers)."""
    return int(np.random.default_rng(entropy).integers(count))


@contextmanager
def seeded(*entropy: int) -> Iterator[None]:
    """Seed the global generators of numpy and random, and put them back afterwards.

    numpy's is exchanged for another one, which takes a hundredth of the time of keeping and setting its state; what it
    had in hand of a pair of normal numbers is lost.

    Args:
        entropy (int): Non-negative integers; the same ones give the same chance.
    """
    outer, python_state = np.random.get_bit_generator(), random.getstate()
    # A spawn key keeps this stream apart from what `draw` makes of the same entropy.
    numpy_seed, python_seed = np.random.SeedSequence(entropy, spawn_key=(1,)).generate_state(2)
    own = _SPARE.pop() if _SPARE else np.random.MT19937(0)
    np.random.set_bit_generator(own)
    np.random.seed(numpy_seed)
    random.seed(int(python_seed))
    try:
        yield
    finally:
        np.random.set_bit_generator(outer)
        _SPARE.append(own)
        random.setstate(python_state)
