"""How much memory files of data may ask for: one budget, looked at before any of it is taken.

A header of a few bytes can ask for gigabytes. Each number can be changed by an environment variable of its name with
``MMREFSEG_`` before it (``MMREFSEG_MAX_PIXELS=200000000``), for data that one trusts on a machine that has the memory.
"""

import os

from mmrefseg.errors import RefDataError

#: H * W of an image or a mask: a frame of 8K. Its colours take 100 MB, finding something in it up to 1.5 GB.
MAX_PIXELS = 7680 * 4320
#: E * H * W of all masks of a sample, a byte each.
MAX_MASK_PIXELS = 400_000_000
#: Expressions of an image.
MAX_EXPRESSIONS = 10_000
#: Bytes of an image's or a mask's file, and of its pixels once they are decoded (H * W * channels * bytes of each).
MAX_IMAGE_BYTES = 400_000_000
#: Pixels that the outlines of a segmentation are long: drawing one takes as much memory as it is long.
MAX_OUTLINE = 4_000_000

_WORDS = dict(MAX_PIXELS='pixels', MAX_MASK_PIXELS='pixels of masks (expressions x height x width)',
              MAX_EXPRESSIONS='expressions', MAX_IMAGE_BYTES='bytes', MAX_OUTLINE='pixels of outline')


def limit(name: str) -> int:
    """The budget for something.

    Args:
        name (str): A constant of this module: ``'MAX_PIXELS'``.

    Returns:
        int: The constant, or what the environment says in its place.

    Raises:
        RefDataError: The environment says something else than a positive integer.
    """
    text = os.environ.get(f'MMREFSEG_{name}')
    if text is None:
        return globals()[name]
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise RefDataError(f'the environment variable MMREFSEG_{name} is {text!r}, expected a positive integer')
    return value


def check_budget(name: str, asked: float, what: str) -> None:
    """Refuse what asks for more than there is to give.

    Args:
        name (str): A constant of this module.
        asked (float): How much would be taken.
        what (str): Says in the error who asks: ``'its image a.png'``.

    Raises:
        RefDataError: It is more than :func:`limit`.
    """
    most = limit(name)
    if not asked <= most:  # written so that NaN is refused too
        raise RefDataError(f'{what} asks for {asked:,.0f} {_WORDS[name]}, at most {most:,} are taken (the environment '
                           f'variable MMREFSEG_{name} changes that)')


def check_pixels(height: float, width: float, what: str) -> None:
    """Refuse an image or a mask that is too large; ``what`` names it in the error.

    Raises:
        RefDataError: A side is below 1 or no number, or there are more than ``MAX_PIXELS``.
    """
    if not (height >= 1 and width >= 1):
        raise RefDataError(f'{what} is {height}x{width} (height x width), expected sides of 1 pixel or more')
    check_budget('MAX_PIXELS', height * width, f'{what}, {height}x{width} (height x width),')
