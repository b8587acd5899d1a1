"""Finds and checks the picture files of a refer dataset."""

import os
from collections.abc import Sequence
from typing import Dict, Optional, Tuple, Union

import numpy as np
from PIL import Image

from .refer_format.index import ReferIndex


def find_picture_dir(candidates: Sequence) -> Optional[str]:
    """The first folder that exists; one behind a protocol (``s3://…``) is taken as it is.

    Args:
        candidates (Sequence[str]): Folders.

    Returns:
        str | None: The folder, None if there is none of them.
    """
    for path in candidates:
        if '://' in path or os.path.isdir(path or '.'):
            return path
    return None


def picture_path(index: ReferIndex, image_row: int, picture_dir: str) -> str:
    """str: Path of a picture of the index."""
    return os.path.join(picture_dir, str(index.image_name[image_row]))


def check_pictures(index: ReferIndex, ref_rows: np.ndarray, picture_dir: str) -> Dict[int, str]:
    """Look for the pictures of some refs and read their headers, which state their sizes.

    Args:
        index (ReferIndex): The annotations.
        ref_rows (np.ndarray): (refs,) rows of the refs.
        picture_dir (str): Folder of the pictures; one behind a protocol is not looked into.

    Returns:
        dict[int, str]: What is wrong, by the row of the image.
    """
    image_rows = np.unique(index.ref_image[ref_rows])
    reasons = {}
    for row in [] if '://' in picture_dir else image_rows[image_rows >= 0].tolist():
        path = picture_path(index, row, picture_dir)
        size, expected = picture_size(path), tuple(index.image_size[row].tolist())
        if isinstance(size, str):
            reasons[row] = size
        elif size != expected:
            reasons[row] = (
                f'its picture {path} is {size[0]}x{size[1]} (height x width) where '
                f'instances.json says {expected[0]}x{expected[1]}')
    return reasons


def picture_size(path: str) -> Union[Tuple[int, int], str]:
    """Height and width, by the file's header, or what is wrong."""
    try:
        with Image.open(path) as picture:
            return picture.size[::-1]
    except FileNotFoundError:
        return f'its picture {path} is missing'
    except Exception as error:  # each of PIL's readers raises its own
        return f'its picture {path} cannot be read: {error}'
