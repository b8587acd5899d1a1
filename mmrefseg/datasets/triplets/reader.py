"""Turns a triplet list into what the refer format holds: refs, images, segmentations."""

import itertools
import json
import os
from array import array
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple, TypeVar, Union

import numpy as np
from mmengine.logging import print_log

from mmrefseg.errors import RefDataError, first_lines

from ..file_names import name_problem
from ..image_files import image_size_of
from ..masks.decode import decode_segmentation, why_empty
from ..masks.files import Foreground, encode_mask, read_mask_file
from ..spool import SpooledTexts
from .cells import Row, place
from .listed_objects import EMPTY, ListedObjects, MaskFile, from_json, to_json
from .listed_ref import ListedRefs
from .rows import read_rows

S, T = TypeVar('S'), TypeVar('T')
#: Files that a thread asks for at once: handing them over one by one takes ten times as long as asking.
PART = 256
#: Parts that wait for a thread.
PARTS = 32


@dataclass(frozen=True)
class TripletList:
    """A list and how it is to be read; see :class:`mmrefseg.datasets.TripletListDataset`.

    Attributes:
        path: The list.
        image_dir, mask_dir: What names of images and of masks are relative to.
        columns: Names in the list that are not the usual ones.
        img_suffix, mask_suffix: Endings of the names of images; of masks of the same name.
        foreground: The mask files' values of the object.
        allow_empty: Whether a mask may be empty.
        allow_outside: Whether names of images and masks may lead out of their folders.
        ignore: The mask files' values of pixels that count nowhere.
    """

    path: str
    image_dir: str
    mask_dir: str
    columns: Optional[Dict[str, str]] = None
    img_suffix: str = ''
    mask_suffix: str = '.png'
    foreground: Foreground = None
    allow_empty: bool = False
    allow_outside: bool = False
    ignore: Foreground = None


class ListedImage(NamedTuple):
    """An image of a list; its size is 0x0 where it cannot be read."""

    id: int
    file_name: str
    height: int
    width: int


class Triplets(NamedTuple):
    """A list in the terms of the refer format.

    Attributes:
        refs: In the order of their first lines.
        images: By id.
        segmentations: JSON of polygons or RLEs by id of the annotation; ``b'[]'`` where ``problems`` says why, or where
            there is no target and something to ignore.
        ignored: JSON of polygons or RLEs of pixels that count nowhere, by id of the annotation.
        problems: What is wrong with image or mask, by row of the ref.
        mask_names: Of mask files.
        image_stat, mask_stat: Of the images and the mask files before they were read, see :func:`file_stats`.
    """

    refs: ListedRefs
    images: Dict[int, ListedImage]
    segmentations: SpooledTexts
    ignored: Dict[int, bytes]
    problems: Dict[int, str]
    mask_names: List[str]
    image_stat: np.ndarray
    mask_stat: np.ndarray


def read_triplets(triplets: TripletList) -> Triplets:
    """Read a list, the headers of its images and its masks.

    Rows of one ``ref_id``, or without any of the same image, mask and split, are one ref with several expressions.

    Raises:
        RefDataError: See :func:`read_rows`; or rows contradict each other in ``ref_id``. What is wrong with an image
            or a mask is no error here but in ``problems``.
    """
    objects = _group(read_rows(triplets.path, triplets.columns), triplets)
    if objects.mask_names and not os.path.isdir(triplets.mask_dir or '.'):
        raise RefDataError(f"{triplets.path} names masks, such as {next(iter(objects.mask_names))}, and "
                           f"data_prefix='mask': found no folder {triplets.mask_dir}")
    names, mask_names = list(objects.image_ids), list(objects.mask_names)
    image_stat = file_stats(triplets.image_dir, names)
    mask_stat = file_stats(triplets.mask_dir, mask_names)
    print_log(f'{triplets.path}: reading the sizes of {len(names)} pictures and {len(objects.masks)} masks', 'current')
    segmentations, ignored, reasons = SpooledTexts(), {}, {}
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        sizes = list(_each(pool, lambda name: image_size_of(os.path.join(triplets.image_dir, name)), names))
        read = _each(pool, lambda each: _read_mask(from_json(each[0]), each[1], sizes[each[2]], triplets), (
            (mask, objects.ignored.get(number, EMPTY), objects.images[number])
            for number, mask in enumerate(objects.masks.values())))
        for number, (found, region) in enumerate(read):
            if region:
                ignored[number] = region
            if isinstance(found, str):
                reasons[number] = found
            if found is None and not region:
                objects.refs.without_target.add(number)
            else:  # an image without a target may have pixels to ignore all the same: an object, which is empty
                segmentations.put(number, found if isinstance(found, bytes) else EMPTY)
    return Triplets(
        refs=objects.refs,
        images={number: ListedImage(number, name, *(size if isinstance(size, tuple) else (0, 0)))
                for number, (name, size) in enumerate(zip(names, sizes))},
        segmentations=segmentations, ignored=ignored,
        problems={row: reasons[number] for row, number in enumerate(objects.refs.object) if number in reasons},
        mask_names=mask_names, image_stat=image_stat, mask_stat=mask_stat)


def file_stats(folder: str, names: Iterable[str]) -> np.ndarray:
    """Size and time of files, which tell whether they have changed.

    Args:
        folder (str): What the names are relative to.
        names (Iterable[str]): Names of files.

    Returns:
        np.ndarray: (files, 2) int64, bytes and nanoseconds, both -1 for a file that is missing.
    """
    with ThreadPoolExecutor(16) as pool:  # on a network each may take a while
        found = array('q', itertools.chain.from_iterable(_each(pool, lambda name: _stat(folder, name), names)))
    return np.array(found, np.int64).reshape(-1, 2)


def _stat(folder: str, name: str) -> Tuple[int, int]:
    try:
        stat = os.stat(os.path.join(folder, name))
        return stat.st_size, stat.st_mtime_ns
    except (OSError, ValueError):  # missing, or no name of a file
        return -1, -1


def _each(pool: ThreadPoolExecutor, function: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """The function's answer for each item, in order; what waits for a thread is a part, and so many parts at a time."""
    items, waiting = iter(items), deque()
    while True:
        while len(waiting) < PARTS and (part := list(itertools.islice(items, PART))):
            waiting.append(pool.submit(lambda part: [function(item) for item in part], part))
        if not waiting:
            return
        yield from waiting.popleft().result()


def _group(rows: Iterable[Row], triplets: TripletList) -> ListedObjects:
    """Images by name, objects by image, mask and what is ignored, and the refs."""
    found, problems, first = ListedObjects(), [], None
    for row in rows:
        first = first or row
        file_name = row.image + triplets.img_suffix
        try:
            if problem := name_problem(file_name, triplets.allow_outside):
                raise RefDataError(f'its picture {problem}')
            mask = _mask_of(row, triplets)
            if isinstance(mask, MaskFile) and (problem := name_problem(mask.name, triplets.allow_outside)):
                raise RefDataError(f'its mask {problem}')
        except RefDataError as error:
            problems.append(f'{place(row.line)}: {error}')
            continue
        image_id = found.image_ids.setdefault(file_name, len(found.image_ids))
        shapes = to_json(row.ignore) if isinstance(row.ignore, (list, dict)) else EMPTY
        number, refs = found.number(image_id, mask, shapes), found.refs
        key = f'{number} {row.split}' if row.ref_id is None else f'{row.ref_id}'
        ref = refs.row(key.encode('utf-8', 'surrogatepass'), row.ref_id, number, image_id, row.split, row.line)
        if refs.object[ref] != number or not refs.is_in_split(ref, row.split):
            problems.append(f'{place(row.line)}: ref_id {row.ref_id} has another picture, mask or split than in '
                            f'{place(refs.first_line[ref])}')
        elif (row.ref_id is None) != (first.ref_id is None):
            state = 'missing' if row.ref_id is None else 'there'
            problems.append(f'{place(row.line)}: a ref_id is {state}, other than in {place(first.line)}: expected '
                            'one in every row or in none')
        refs.add(ref, row.line, row.expressions)
    if problems:
        raise RefDataError(f'{triplets.path}: {len(problems)} rows do not go with the options or with others:'
                           + first_lines(problems))
    return found


def _mask_of(row: Row, triplets: TripletList) -> Union[MaskFile, list, dict]:
    """The row's mask, by default the file that has its image's name."""
    foreground = triplets.foreground if row.foreground is None else row.foreground
    foreground = foreground if foreground is None or isinstance(foreground, int) else tuple(foreground)
    ignore = row.ignore if isinstance(row.ignore, tuple) else triplets.ignore
    ignore = ignore if ignore is None or isinstance(ignore, int) else tuple(ignore)
    if isinstance(row.mask, str):
        return MaskFile(row.mask, foreground, ignore)
    if row.mask is not None:
        return row.mask
    mask = (row.image if triplets.img_suffix else os.path.splitext(row.image)[0]) + triplets.mask_suffix
    image = os.path.join(triplets.image_dir, row.image + triplets.img_suffix)
    if os.path.join(triplets.mask_dir, mask) == image:
        raise RefDataError(f'it names no mask, and {image}, where one is looked for, is the picture: set '
                           'data_prefix=dict(mask=…) or mask_suffix')
    return MaskFile(mask, foreground, ignore)


def _read_mask(mask: Union[MaskFile, bytes], ignored: bytes, size: Union[Tuple[int, int], str],
               triplets: TripletList) -> Tuple[Union[bytes, str, None], Optional[bytes]]:
    """JSON of polygons or RLEs, None for no target, or what is wrong with image or mask, a text; and what is ignored,
    None where that is nothing."""
    if isinstance(size, str):
        return size, None
    shapes = json.loads(ignored)
    try:
        if isinstance(mask, MaskFile):
            name, foreground = os.path.join(triplets.mask_dir, mask.name), mask.foreground
            foreground = list(foreground) if isinstance(foreground, tuple) else foreground
            values = read_mask_file(name, foreground, expected=size, ignore=mask.ignore)
            if values.shape != size:  # a TIFF that was turned
                return (f'its mask {name} is {values.shape[0]}x{values.shape[1]} where its picture is '
                        f'{size[0]}x{size[1]} (height x width)'), None
            if (values == 255).any():
                shapes = [shapes] if isinstance(shapes, dict) else [*shapes]
                shapes.append(encode_mask(values == 255))
            found, filled = to_json(encode_mask(values == 1)), (values == 1).any()
            reason = f'its mask {name} has no foreground'
            reason += '' if foreground is None else f' (foreground={foreground})'
        else:
            found, outline = mask, json.loads(mask)
            if brush := _brush_problem(outline, size):
                return brush, None
            filled = outline != [] and decode_segmentation(
                outline, height=size[0], width=size[1], must_fill=not triplets.allow_empty).any()
            reason = 'its mask has no foreground' if outline == [] or filled else why_empty(outline, *size)
        if shapes:
            decode_segmentation(shapes, height=size[0], width=size[1])
    except RefDataError as error:
        return str(error), None
    if filled or triplets.allow_empty:
        return found if filled else None, to_json(shapes) if shapes else None
    return f'{reason}; allow_empty=True takes its expressions for such that have no target', None


def _brush_problem(mask: Union[list, dict], size: Tuple[int, int]) -> str:
    """Say of Label Studio's brush what it is: bytes whose first four say how many pixels (or 4 values each)."""
    part = mask[0] if isinstance(mask, list) and len(mask) == 1 else None
    if not isinstance(part, list) or not all(isinstance(byte, int) and 0 <= byte < 256 for byte in part):
        return ''
    pixels = int.from_bytes(bytes(part[:4]), 'big')
    if pixels not in (size[0] * size[1], 4 * size[0] * size[1]):
        return ''
    return ("its mask is the byte code of Label Studio's brush (format: rle), no outline: mmrefseg to-refer "
            'reads such exports')
