"""``instances.json``: its images, and its segmentations as flat arrays."""

from array import array
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Set, Tuple, Union

import msgspec
import numpy as np

from mmrefseg.errors import RefDataError, shown

from ..file_names import name_problem
from ..masks.decode import MIN_COORDINATES, read_polygon, read_rle, why_no_outline
from ..spool import Spool
from .index import POLYGON, RLE
from .plain_json import read_json

Number = Union[int, float]


class _Image(msgspec.Struct, gc=False):
    id: Number
    file_name: str
    height: Number
    width: Number


class _Annotation(msgspec.Struct, gc=False):
    id: Number
    image_id: Any = None  # is compared where it is a number
    # As text. Coordinates are nearly all of the file, and refs name a quarter of its objects.
    segmentation: msgspec.Raw = msgspec.Raw(b'null')
    # Our own, beside COCO's: pixels that count neither as object nor as background.
    ignored_segmentation: msgspec.Raw = msgspec.Raw(b'null')


class _Instances(msgspec.Struct):
    images: List[_Image]
    annotations: List[_Annotation]


class Instances(NamedTuple):
    """Parts of ``instances.json`` that are asked for.

    Attributes:
        images: By id, with file_name, height, width.
        segmentations: By id, JSON (``msgspec.Raw``).
        ignored: By id of a segmentation, JSON of what counts nowhere beside it, of those that have some.
        owners: The ids of the segmentations' images, as far as they are stated, by the segmentation's id.
        ambiguous: Reasons why an id means nothing, since it stands there twice: by ('image' or 'annotation', id).
    """

    images: dict
    segmentations: dict
    ignored: Dict[int, bytes]
    owners: Dict[int, Number]
    ambiguous: Dict[Tuple[str, int], str]


def read_instances(path: str, image_ids: Set[int], ann_ids: Set[int]) -> Instances:
    """Read what is asked for of ``instances.json``.

    Args:
        path (str): The file.
        image_ids (set[int]): Ids of the images to keep.
        ann_ids (set[int]): Ids of the annotations to keep.

    Returns:
        Instances: In the file's order.

    Raises:
        RefDataError: The file is missing, no JSON, or not of COCO's form.
    """
    try:
        instances = read_json(path, _Instances)
    except msgspec.ValidationError as error:
        raise RefDataError(
            f'{path} is not of the form of COCO\'s instances: {error}. Expected are images (id, file_name, height, '
            'width) and annotations (id, segmentation)') from error
    images, segmentations, ignored, owners, ambiguous = {}, {}, {}, {}, {}
    for image in instances.images:
        if image.id in image_ids and images.setdefault(image.id, image) != image:
            ambiguous['image', image.id] = f'its image {image.id} stands there twice, as different ones'
    for annotation in instances.annotations:
        if annotation.id not in ann_ids:
            continue
        first = segmentations.setdefault(annotation.id, annotation.segmentation)
        owner = annotation.image_id if isinstance(annotation.image_id, (int, float)) else None
        region = ignored.setdefault(annotation.id, bytes(annotation.ignored_segmentation))
        if (bytes(first) != bytes(annotation.segmentation) or region != bytes(annotation.ignored_segmentation)
                or owners.setdefault(annotation.id, owner) != owner):
            ambiguous['annotation', annotation.id] = 'it stands there twice, with different segmentations or images'
    ignored = {number: region for number, region in ignored.items() if region not in (b'null', b'[]')}
    owners = {number: owner for number, owner in owners.items() if owner is not None}
    return Instances(images, segmentations, ignored, owners, ambiguous)


def read_images(images: dict) -> Tuple[np.ndarray, Dict[int, str]]:
    """(I, 2) heights and widths, and what is wrong with an image, by its id."""
    sizes, problems = np.zeros((len(images), 2), np.int64), {}
    for row, (image_id, image) in enumerate(images.items()):
        height, width = image.height, image.width
        if not (0 <= height < 2**31 and 0 <= width < 2**31 and height == int(height) and width == int(width)):
            problems[image_id] = f'its image is {height}x{width} (height x width), expected whole numbers'
        else:
            sizes[row] = height, width
        if problem := name_problem(image.file_name, allow_outside=True):
            problems[image_id] = f'its file_name {problem}'
    return sizes, problems


def read_segmentations(segmentations: Iterable) -> Tuple[Dict[str, np.ndarray], Dict[int, str]]:
    """The columns of objects and parts, and what is wrong with an object, by its row."""
    coordinates, rles, problems = Spool(), Spool(), {}
    kinds, sizes, lengths, counts = array('b'), array('q'), array('q'), array('q')
    decode = msgspec.json.Decoder().decode
    for row, segmentation in enumerate(segmentations):
        before = len(kinds)
        try:
            segmentation = decode(segmentation)
            parts = [segmentation] if isinstance(segmentation, dict) else segmentation
            if not isinstance(parts, list):
                raise RefDataError(
                    'unknown segmentation kind: expected polygons, an RLE or a list of RLEs, '
                    f'found {type(parts).__name__} {shown(parts)}')
            for part in parts:
                if isinstance(part, dict):
                    rle = read_rle(part)
                    rles.write(rle['counts'])
                    kinds.append(RLE)
                    sizes.extend(rle['size'])
                    lengths.append(len(rle['counts']))
                elif len(points := read_polygon(part)) >= MIN_COORDINATES:
                    coordinates.write(points.data)
                    kinds.append(POLYGON)
                    sizes.extend((0, 0))
                    lengths.append(len(points))
            if len(kinds) == before:
                problems[row] = why_no_outline(parts)
        except (ValueError, RecursionError) as error:  # RefDataError, msgspec.DecodeError
            problems[row] = str(error)
        counts.append(len(kinds) - before)
    kinds = np.array(kinds, np.int8)
    lengths = np.array(lengths, np.int64)
    stop = np.where(kinds == POLYGON, np.cumsum(lengths * (kinds == POLYGON)),
                    np.cumsum(lengths * (kinds == RLE)))
    return dict(
        object_parts=offsets_of(counts), part_kind=kinds,
        part_size=np.array(sizes, np.int64).reshape(-1, 2), part_start=stop - lengths,
        part_stop=stop, coordinates=np.frombuffer(coordinates.view()),
        rle_counts=np.frombuffer(rles.view(), np.uint8)), problems


def offsets_of(counts: Sequence[int]) -> np.ndarray:
    """(n + 1,) int64: where each of n groups of these sizes begins, and the last ends."""
    return np.concatenate([[0], np.cumsum(np.array(counts, np.int64))])
