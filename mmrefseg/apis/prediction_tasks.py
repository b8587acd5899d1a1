"""Tasks of a prediction: the expressions to look for in each image."""

import glob
import os
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple, Union

from mmrefseg.datasets.triplets.rows import read_rows
from mmrefseg.errors import RefDataError

from .ref_seg_inferencer import IMAGE_SUFFIXES

LISTS = ('.csv', '.tsv', '.json', '.jsonl')


class PredictionTask(NamedTuple):
    """An image and what is looked for in it.

    Args:
        name (str): The image's path below the folder of all, with ``/``; names what is written for it.
        path (str): Its file.
        expressions (list[str]): One or more, no two the same.
    """

    name: str
    path: str
    expressions: List[str]


def read_tasks(images: str, expressions: str, out_dir: Union[str, Path, None] = None
               ) -> Tuple[str, List[PredictionTask], List[str]]:
    """Images and a file of expressions -> what is to do.

    Args:
        images (str): A folder, an image or a pattern (``photos/**/*.jpg``).
        expressions (str): A ``.txt`` file, an expression a line, each looked for in every image; or a ``.csv``,
            ``.tsv``, ``.json`` or ``.jsonl`` list with ``image`` (a path below the folder) and ``expression``, as of
            :class:`~mmrefseg.datasets.TripletListDataset`; an image of the list that is not among those found is a
            task too and fails when it is read.
        out_dir (str | Path, optional): Where predictions go: nothing in there is an image to segment.

    Returns:
        tuple: The folder of all images, absolute, a task for each image, and the files that were left out since
        their names are none of images.

    Raises:
        ValueError: There is no image or no expression.
        RefDataError: The file of expressions is missing, of another format or broken.
    """
    folder, names, left_out = find_images(images, out_dir)
    said = read_expressions(expressions)
    if isinstance(said, list):
        said = {name: said for name in names}
    elif not Path(images).is_dir():  # of an image or a pattern the list may say more
        said = {name: said[name] for name in names if name in said}
        if not said:
            raise ValueError(f'{expressions} has no expression for {images}, whose pictures are called '
                             f'{", ".join(names[:3])}{" …" if len(names) > 3 else ""}')
    return folder, [PredictionTask(name, os.path.join(folder, name), each) for name, each in said.items()], left_out


def find_images(where: str, out_dir: Union[str, Path, None] = None) -> Tuple[str, List[str], List[str]]:
    """A folder with all below it, an image or a pattern -> the folder of all, absolute, and paths below it, sorted.

    Hidden files and folders are passed over.

    Args:
        where (str): What the user gave.
        out_dir (str | Path, optional): A folder that is passed over, too.

    Returns:
        tuple: The folder, the images, and the files that are left out since their names are none of images.

    Raises:
        ValueError: There is no image.
    """
    path = Path(where)
    if path.is_dir():
        folder, names = path, _files_below(path, out_dir)
    elif path.is_file():
        return str(path.resolve().parent), [path.name], []
    elif not glob.has_magic(where):
        raise ValueError(f'{where} is no folder, no picture and no pattern')
    else:
        fixed = []  # the folder before the first * or ?
        for part in path.parts[:-1]:
            if glob.has_magic(part):
                break
            fixed.append(part)
        folder = Path(*fixed)
        names = [Path(name).relative_to(folder).as_posix() for name in sorted(glob.glob(where, recursive=True))
                 if os.path.isfile(name)]
    found = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES)]
    left_out = [name for name in names if not name.lower().endswith(IMAGE_SUFFIXES)]
    if not found:
        raise ValueError(f'no picture ({", ".join(IMAGE_SUFFIXES)}) in {where}')
    return str(folder.resolve()), found, left_out


def _files_below(folder: Path, passed_over: Union[str, Path, None]) -> List[str]:
    """Paths of all files below a folder, sorted, without hidden ones and without those of one folder."""
    names = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith('.') and (
            passed_over is None or not _same(os.path.join(root, each), passed_over)))
        names += [Path(root, each).relative_to(folder).as_posix() for each in files if not each.startswith('.')]
    return sorted(names)


def _same(one: str, other: Union[str, Path]) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def read_expressions(path: str) -> Union[List[str], Dict[str, List[str]]]:
    """A file of expressions -> those for every image (``.txt``), or those of each image by its name.

    Blank lines are left out, and so is an expression that stands there a second time.

    Raises:
        RefDataError: The file is missing, empty, of another format or broken; a name leaves the folder of images.
    """
    suffix = Path(path).suffix.lower()
    if suffix in LISTS:
        said: Dict[str, List[str]] = {}
        for row in read_rows(path):
            name = os.path.normpath(row.image).replace(os.sep, '/')
            if os.path.isabs(name) or name.startswith('../'):
                raise RefDataError(f'{path}, line {row.line}: image is {row.image!r}, expected a path below the folder '
                                   'of pictures')
            said.setdefault(name, []).extend(row.expressions)
        return {name: list(dict.fromkeys(each)) for name, each in said.items()}
    if suffix != '.txt':
        raise RefDataError(f'{path} is no file of expressions: expected .txt (an expression a line) or a list with '
                           f'image and expression ({", ".join(LISTS)})')
    try:
        lines = Path(path).read_text(encoding='utf-8-sig').splitlines()
    except OSError as error:
        raise RefDataError(f'{path} cannot be read: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise RefDataError(f'{path} is not UTF-8: {error}') from error
    found = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not found:
        raise RefDataError(f'{path} is empty, expected an expression a line')
    return found
