"""Finds and checks the image files of a refer dataset."""

import os
from collections.abc import Sequence
from typing import Dict, Optional, Tuple, Union

import numpy as np

from mmrefseg.errors import RefDataError

from .file_names import check_name, leads_outside
from .image_header import read_header
from .refer_format.index import ReferIndex


def find_image_dir(candidates: Sequence) -> Optional[str]:
    """The first folder that exists; one behind a protocol (``s3://…``) is taken as it is.

    Args:
        candidates (Sequence[str | Path]): Folders.

    Returns:
        str | None: The folder, None if there is none of them.
    """
    for path in map(os.fspath, candidates):
        if '://' in path or os.path.isdir(path or '.'):
            return path
    return None


def image_path(index: ReferIndex, image_row: int, image_dir: str, allow_outside: bool = False) -> str:
    """Path of an image of the index.

    Args:
        index (ReferIndex): The annotations.
        image_row (int): Row of the image.
        image_dir (str): Folder of the images.
        allow_outside (bool): Whether its name may lead out of that folder. Defaults to False.

    Returns:
        str: The path.

    Raises:
        RefDataError: The name leads out of the folder, or is none.
    """
    name = str(index.image_name[image_row])
    check_name(name, f'image {index.image_id[image_row]}: its file_name', allow_outside)
    return os.path.join(image_dir, name)


def images_outside(index: ReferIndex, image_rows: np.ndarray) -> np.ndarray:
    """Find images whose names lead out of the folder of images.

    Args:
        index (ReferIndex): The annotations.
        image_rows (np.ndarray): (images,) rows of images.

    Returns:
        np.ndarray: Those of the rows.
    """
    names = index.image_name[image_rows]
    # Few names look so at all; those are looked at one by one.
    odd = (np.char.find(names, '..') >= 0) | np.char.startswith(names, '/') | (np.char.find(names, ':') >= 0)
    chosen = np.flatnonzero(odd)
    return image_rows[[row for row in chosen.tolist() if leads_outside(str(names[row]))]]


def check_images(index: ReferIndex, ref_rows: np.ndarray, image_dir: str,
                   allow_outside: bool = False) -> Dict[int, str]:
    """Look for the images of some refs and read their headers, which state their sizes.

    Args:
        index (ReferIndex): The annotations.
        ref_rows (np.ndarray): (refs,) rows of the refs.
        image_dir (str): Folder of the images; one behind a protocol is not looked into.
        allow_outside (bool): Whether names may lead out of that folder. Defaults to False.

    Returns:
        dict[int, str]: What is wrong, by the row of the image.
    """
    image_rows = np.unique(index.ref_image[ref_rows])
    reasons = {}
    for row in [] if '://' in image_dir else image_rows[image_rows >= 0].tolist():
        try:
            path = image_path(index, row, image_dir, allow_outside)
        except RefDataError as error:
            reasons[row] = str(error)
            continue
        size, expected = image_size_of(path), tuple(index.image_size[row].tolist())
        if isinstance(size, str):
            reasons[row] = size
        elif size != expected:
            reasons[row] = (
                f'its picture {path} is {size[0]}x{size[1]} (height x width) where '
                f'instances.json says {expected[0]}x{expected[1]}')
    return reasons


def image_size_of(path: str) -> Union[Tuple[int, int], str]:
    """Height and width, by the file's header, or what is wrong."""
    try:
        header = read_header(path, f'its picture {path}')
        return header.height, header.width
    except FileNotFoundError:
        return f'its picture {path} is missing'
    except RefDataError as error:
        return str(error)
    except (OSError, ValueError) as error:
        return f'its picture {path} cannot be read: {error}'
