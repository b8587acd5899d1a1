"""Finds training images that other splits hold for validation or testing."""

import hashlib
import os
import re
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np

from mmrefseg.errors import RefDataError

from .image_files import image_path
from .refer_dataset import ReferDataset

#: (path of the annotations, name of the split)
Split = Tuple[str, str]
IDENTITIES = ('auto', 'name', 'content')
# Ids are unique over COCO's years and splits: COCO_train2014_000000581857.jpg is 2017's 000000581857.jpg.
_COCO_NAME = re.compile(r'(?:COCO_(?:train|val|test)201[45]_)?(000000\d{6})(?:_\d+)?\.jpg')


class Leak(NamedTuple):
    """Part of a data set that stands on held-out images.

    Attributes:
        image_rows: (images,) rows of the images in its index.
        samples: (samples,) its samples.
        images: Paths.
        ref_ids: Of the refs.
        sent_ids: Of the expressions.
    """

    image_rows: np.ndarray
    samples: np.ndarray
    images: List[str]
    ref_ids: List[int]
    sent_ids: List[int]

    @property
    def counts(self) -> Tuple[int, int, int]:
        """tuple[int, int, int]: Numbers of images, refs and expressions."""
        return len(self.images), len(self.ref_ids), len(self.sent_ids)


def held_out_images(training: Sequence[ReferDataset], others: Sequence[ReferDataset] = ()) -> Dict[Split, List[str]]:
    """Images that must not be trained on.

    Args:
        training (Sequence[ReferDataset]): What is trained on.
        others (Sequence[ReferDataset]): Datasets to be validated or tested on, too.

    Returns:
        dict: Paths by split: of all splits in the annotation files of the training sets that none of them is, and of
        the splits that the others are.
    """
    held_out, trained = {}, set()
    for dataset in training:
        images = dataset.images_of_splits()
        held_out.update(images)
        trained.update(own_splits(dataset, images))
    held_out = {split: paths for split, paths in held_out.items() if split not in trained}
    for dataset in others:
        images = dataset.images_of_splits()
        held_out.update({split: images[split] for split in own_splits(dataset, images)})
    return held_out


def own_splits(dataset: ReferDataset, splits: Iterable[Split]) -> Set[Split]:
    """Splits of its annotations that a data set has.

    Args:
        dataset (ReferDataset): The dataset.
        splits (Iterable[Split]): All splits of its annotations.

    Returns:
        set[Split]: One, or more where it takes a whole file.
    """
    path, refs = os.path.realpath(dataset.refs_file), set(dataset.index.refs_of_split(dataset.split).tolist())
    return {(file, split) for file, split in splits
            if file == path and refs.intersection(dataset.index.refs_of_split(split).tolist())}


def find_leaks(dataset: ReferDataset, held_out: Dict[Split, List[str]], identity: str = 'auto') -> Dict[Split, Leak]:
    """Find the part of a data set that stands on images of held-out splits.

    Args:
        dataset (ReferDataset): Trained on.
        held_out (dict): Paths of images by split, see :func:`held_out_images`.
        identity (str): When two files are the same image: ``'auto'``: they have the same id of COCO in their names,
            or else are the same file; ``'name'``: the same id of COCO, or else the same name, whatever the folder;
            ``'content'``: the same bytes.

    Returns:
        dict: A :class:`Leak` by split, none of a split that shares no image.

    Raises:
        RefDataError: ``identity`` is another one, or with ``'content'`` an image is missing.
    """
    if identity not in IDENTITIES:
        raise RefDataError(f'identity={identity!r} is unknown; choose from {", ".join(IDENTITIES)}')
    index = dataset.index
    rows = np.unique(index.ref_image[index.expression_ref[dataset.expression_rows()[0]]])
    paths = [image_path(index, row, dataset.image_dir, dataset.allow_outside) for row in rows.tolist()]
    key = image_key(identity, [paths, *held_out.values()])
    keys = [key(path) for path in paths]
    leaks = {}
    for split, others in held_out.items():
        shared = set(map(key, others)) - {None}
        found = rows[np.array([own in shared for own in keys], bool)]
        if len(found):
            leaks[split] = describe_images(dataset, found)
    return leaks


def join_leaks(leaks: Dict[Split, Leak]) -> Optional[Leak]:
    """Join leaks, each image, ref and expression counted once.

    Args:
        leaks (dict[Split, Leak]): Those of one dataset.

    Returns:
        Leak, optional: None if there are none.
    """
    if not leaks:
        return None
    paths = {row: path for leak in leaks.values() for row, path in zip(leak.image_rows.tolist(), leak.images)}
    samples, ref_ids, sent_ids = (
        sorted(set().union(*(np.asarray(getattr(leak, name)).tolist() for leak in leaks.values())))
        for name in ('samples', 'ref_ids', 'sent_ids'))
    return Leak(np.array(sorted(paths)), np.array(samples), [paths[row] for row in sorted(paths)], ref_ids, sent_ids)


def describe_images(dataset: ReferDataset, image_rows: np.ndarray) -> Leak:
    """Count what a data set has on some images.

    Args:
        dataset (ReferDataset): The dataset.
        image_rows (np.ndarray): (images,) rows of its index' images.

    Returns:
        Leak: Samples, paths, refs, expressions.
    """
    index = dataset.index
    rows, samples = dataset.expression_rows()
    affected = np.isin(index.ref_image[index.expression_ref[rows]], image_rows)
    return Leak(
        image_rows=image_rows,
        samples=np.unique(samples[affected]),
        images=[image_path(index, row, dataset.image_dir, dataset.allow_outside) for row in image_rows.tolist()],
        ref_ids=index.ref_id[np.unique(index.expression_ref[rows[affected]])].tolist(),
        sent_ids=index.sent_id[np.unique(rows[affected])].tolist())


def image_key(identity: str, groups: Sequence[Sequence[str]]) -> Callable[[str], object]:
    """The function that gives two paths the same key if they are the same image.

    Args:
        identity (str): As for :func:`find_leaks`.
        groups (Sequence[Sequence[str]]): With ``'content'``: the paths that will be asked for, one group to be compared
            with all others. Only files of a size that occurs in two groups are read.

    Returns:
        Callable: From a path to its key; None = like no other.
    """
    if identity == 'content':
        return _content_key(groups)
    return lambda path: coco_id(path) or (os.path.basename(path) if identity == 'name' else os.path.realpath(path))


def coco_id(path: str) -> int:
    """int: The id in the file name of an image of COCO, or of a ref to one; 0 for other names."""
    match = _COCO_NAME.fullmatch(os.path.basename(path))
    return int(match[1]) if match else 0


def _content_key(groups: Sequence[Sequence[str]]) -> Callable[[str], object]:
    sizes = {path: _size(path) for path in {path for group in groups for path in group}}
    first, *others = ({sizes[path] for path in group} for group in groups)
    shared = first.intersection(set().union(*others))
    digests = {}

    def key(path: str) -> object:
        if sizes[path] not in shared:
            return None
        if path not in digests:
            with open(path, 'rb') as file:
                digests[path] = hashlib.sha256(file.read()).digest()
        return digests[path]

    return key


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError as error:
        raise RefDataError(f"picture {path} cannot be read, and identity='content' has to: {error.strerror}") from error
