"""The refer format as an mmengine dataset."""

import logging
import os
from collections.abc import Callable, Sequence
from typing import Dict, List, Optional, Tuple, Union

import numpy as np
from mmengine.dataset import force_full_init
from mmengine.fileio import join_path
from mmengine.logging import print_log
from mmengine.utils import is_abs

from mmrefseg.errors import RefDataError, first_lines
from mmrefseg.registry import DATASETS, TRANSFORMS

from .arrangement import Arrangement, SampleCounts, arrange_once, count_samples
from .budget import check_budget
from .file_names import name_problem
from .image_files import check_images, find_image_dir, image_path, images_outside
from .refer_format.index import TEXT_FIELDS, ReferIndex, ranges
from .refer_format.index_cache import open_refer_index
from .sampling import DRAWN, SAMPLE_BY, group_expressions, split_images, swap_objects
from .seeded_dataset import SeededDataset


@DATASETS.register_module()
class ReferDataset(SeededDataset):
    """Any dataset in the refer format: ``<ann_dir>/instances.json`` + ``refs(<split_by>).p``.

    A sample is one image with E >= 1 expressions, see :meth:`get_data_info`. Its images are
    resolved through ``image_id``: a ref's own ``file_name`` carries an annotation suffix.

    With ``sample_by='ref'`` or ``'image_refs'`` one of a ref's expressions is drawn at every visit, by the chance of
    :class:`SeededDataset`.

    Args:
        ann_dir (str): Folder of the two annotation files, relative to ``data_root``.
        split_by (str): Who made the splits: ``'unc'``, ``'umd'``, ``'google'``, …
        split (str): Exact name of the split, such as ``'train'`` or ``'testA'``.
        data_root (str): Root of the data.
        data_prefix (dict): ``img``: the folder of images relative to ``data_root``, or a list of
            candidates of which the first that exists is used.
        sample_by (str, optional): ``'ref'`` (a sample is a ref with one expression), ``'image_refs'`` (an
            image with one expression of each of its refs, so that training encodes it once for all),
            ``'expression'``, or ``'image'`` (with all its expressions of this split). Defaults to
            ``'ref'``, with ``test_mode`` to ``'image'``.
        max_refs (int, optional): With ``'image_refs'``: refs of a sample at most; those of an image that has more
            are several samples, always the same, so that an epoch visits each ref once. Defaults to no bound.
        text_field (str): ``'raw'`` (as typed; LAVT, ReLA) or ``'sent'`` (cleaned; VLT, CRIS).
        on_error (str): ``'raise'``, or ``'skip'``: what is wrong is left out, listed in
            :attr:`skipped` and logged; this reads the header of every image at start. An image
            that only fails when decoded is replaced by another sample in training, and remains an
            error in testing, where a result would silently rest on fewer samples.
        shuffle_expressions (bool): Give the expressions of every object to another object of its
            image (always the same one; images with one object are left out): a model that does not
            fall far on this does not read. Not with ``sample_by='ref'``.
        allow_outside (bool): Whether names of images may be absolute paths or lead out of their folder. Defaults to
            False: an error, since annotations from elsewhere could have any file of the machine read.
        metainfo, indices, pipeline, test_mode, lazy_init, max_refetch: As mmengine's ``BaseDataset``.
            Transforms are looked up in mmrefseg's registry and its parents.

    Attributes:
        index (ReferIndex): The annotations of all splits.
        skipped (list[tuple[int, str]]): (ref id, reason) of all that was left out.

    Raises:
        RefDataError: A file is missing or broken, the split is unknown, an option is; with
            ``on_error='raise'`` also for a ref without image, annotation, usable segmentation or
            words, and for a mask of another size than its image.

    Example:
        >>> from mmrefseg.datasets import ReferDataset
        >>> dataset = ReferDataset('refshapes', 'unc', split='val', data_root='data',
        ...                        data_prefix=dict(img='images/refshapes'), sample_by='image', test_mode=True)
        >>> len(dataset), sorted(dataset.get_data_info(0))[:3]  # a sample an image
        (5, ['dataset_name', 'expressions', 'height'])
    """

    #: Whether refs without a sentence are left out, and not an error.
    SKIPS_SILENT_REFS = False
    METAINFO = dict(classes=('background', 'referent'), palette=[[0, 0, 0], [220, 20, 60]])

    def __init__(self,
                 ann_dir: str = '',
                 split_by: str = 'unc',
                 split: str = 'train',
                 *,
                 data_root: str = '',
                 data_prefix: Optional[dict] = None,
                 sample_by: Optional[str] = None,
                 max_refs: Optional[int] = None,
                 text_field: str = 'raw',
                 on_error: str = 'raise',
                 shuffle_expressions: bool = False,
                 allow_outside: bool = False,
                 metainfo: Optional[dict] = None,
                 indices: Union[int, Sequence, None] = None,
                 pipeline: Sequence[Union[dict, Callable]] = (),
                 test_mode: bool = False,
                 lazy_init: bool = False,
                 max_refetch: int = 1000) -> None:
        self.ann_dir = join_path(data_root, ann_dir) if not is_abs(ann_dir) else ann_dir
        self.split_by = split_by
        self.split = split
        self.sample_by = sample_by or ('image' if test_mode else 'ref')
        self.max_refs = max_refs
        self.text_field = text_field
        self.on_error = on_error
        self.shuffle_expressions = shuffle_expressions
        self.allow_outside = allow_outside
        _check_option('sample_by', self.sample_by, SAMPLE_BY)
        _check_option('text_field', text_field, TEXT_FIELDS)
        _check_option('on_error', on_error, ('raise', 'skip'))
        if max_refs is not None and (self.sample_by != 'image_refs' or max_refs < 1):
            raise RefDataError(f"max_refs={max_refs!r} with sample_by={self.sample_by!r}: expected 1 or more, and "
                               "sample_by='image_refs', whose samples it bounds")
        if self.sample_by in DRAWN and (test_mode or shuffle_expressions):
            raise RefDataError(
                f'sample_by={self.sample_by!r} draws expressions at random, which is for training: with '
                "test_mode or shuffle_expressions use 'image' or 'expression'")
        self.index: Optional[ReferIndex] = None
        self.skipped: List[Tuple[int, str]] = []
        self._silent: List[Tuple[int, str]] = []
        super().__init__(
            metainfo=metainfo,
            data_root=data_root,
            data_prefix=dict(img='') if data_prefix is None else data_prefix,
            indices=indices,
            serialize_data=False,  # the index is flat arrays already
            pipeline=[TRANSFORMS.build(step) if isinstance(step, dict) else step
                      for step in pipeline],
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch)

    @property
    def source(self) -> str:
        """str: Where the files are had, for the error that says they are missing."""
        return ''

    @property
    def instances_file(self) -> str:
        """str: Path of ``instances.json``."""
        return join_path(self.ann_dir, 'instances.json')

    @property
    def refs_file(self) -> str:
        """str: Path of ``refs(<split_by>).p``."""
        return join_path(self.ann_dir, f'refs({self.split_by}).p')

    @property
    def dataset_name(self) -> str:
        """str: Such as ``'refcoco_unc_testA'``."""
        return f'{os.path.basename(os.path.normpath(self.ann_dir))}_{self.split_by}_{self.split}'

    def load_data_list(self) -> np.ndarray:
        """Read the files and arrange the samples.

        Returns:
            np.ndarray: (samples,) int64, their numbers; mmengine takes subsets of it.
        """
        self.index = self._read_index()
        self.image_dir = find_image_dir(self.data_prefix['img'])
        if self.image_dir is None:
            raise RefDataError('the pictures are missing: no folder '
                               f'{" or ".join(self.data_prefix["img"])}. {self.source}'.rstrip())
        self.skipped = []
        if self.on_error == 'skip':  # that depends on the images, which may have come or gone since
            arranged = self._arrange()
        else:
            options = dict(split=self.split, sample_by=self.sample_by, max_refs=self.max_refs,
                           text_field=self.text_field, shuffle_expressions=self.shuffle_expressions,
                           allow_outside=self.allow_outside)
            arranged = arrange_once(self.index, type(self), options, self._arrange, lambda: not self.skipped)
        self._check_count(*arranged.largest.tolist())
        self._expressions, self._objects, self._offsets, self._counts = arranged[:4]
        self._all = np.arange(len(self._offsets) - 1)
        return self._all

    def _arrange(self) -> Arrangement:
        """Find the expressions of the split that can be used, and group them to samples."""
        rows = self._usable_expressions()
        objects = self.index.ref_object[self.index.expression_ref[rows]]
        images = self.index.ref_image[self.index.expression_ref[rows]]
        largest = self._largest_image(images) if len(images) else np.zeros(2, np.int64)
        if self.shuffle_expressions:
            kept, objects = swap_objects(self.index.image_id[images], objects)
            rows, images = rows[kept], images[kept]
        if not len(rows):
            raise RefDataError(
                f'{self.refs_file}, split {self.split}: no expression is left'
                + (' in an image of two objects or more' if self.shuffle_expressions else ''))
        keys = dict(ref=self.index.expression_ref[rows], expression=rows, image=images, image_refs=images)
        key = keys[self.sample_by]
        if self.max_refs is not None:
            key = split_images(images, keys['ref'], self.max_refs)
        order, offsets = group_expressions(key)
        rows, objects = rows[order], objects[order]
        return Arrangement(rows, objects, offsets, np.array(count_samples(self.index, rows), np.int64), largest)

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """One image with its E expressions and O <= E objects.

        Args:
            idx (int): Index of the sample.

        Returns:
            dict: ``img_path`` (str), ``image_id, height, width`` (int, of instances.json),
            ``expressions`` (list[str], E), ``ref_ids, sent_ids`` (list[int], E), ``segmentations``
            (list, O: polygons, an RLE or several), ``object_index`` (list[int], E: which of the
            segmentations an expression refers to), ``ignored`` (list, O, where there is something: as segmentations,
            of pixels that count nowhere), ``no_targets`` (list[bool], E: whether the image has no such
            object, as gRefCOCO knows it; the mask is then empty), ``sample_idx`` (int), ``dataset_name`` (str).
        """
        index = self.index
        sample_idx = int(idx) if idx >= 0 else len(self) + int(idx)
        sample = self.data_list[idx]
        chosen = np.arange(self._offsets[sample], self._offsets[sample + 1])
        if self.sample_by in DRAWN:
            chosen = self._one_of_each_ref(chosen, sample_idx)
        rows = self._expressions[chosen]
        refs = index.expression_ref[rows]
        image = index.ref_image[refs[0]]
        height, width = index.image_size[image].tolist()
        numbers = {}
        object_index = [numbers.setdefault(row, len(numbers)) for row in self._objects[chosen].tolist()]
        parts = [index.segmentation(row) for row in numbers]
        return dict(
            img_path=image_path(index, image, self.image_dir, self.allow_outside),
            image_id=int(index.image_id[image]),
            height=height,
            width=width,
            expressions=[index.expression_text(row, self.text_field) for row in rows.tolist()],
            ref_ids=index.ref_id[refs].tolist(),
            sent_ids=index.sent_id[rows].tolist(),
            segmentations=[part or dict(size=[height, width], counts=[height * width]) for part in parts],
            object_index=object_index,
            **self._ignored(numbers),
            no_targets=[not parts[number] for number in object_index],
            sample_idx=sample_idx,
            dataset_name=self.dataset_name)

    def _ignored(self, objects: Sequence) -> dict:
        """``ignored`` (list, O) of a sample: what counts nowhere beside each object; not there if nothing is."""
        ignored = [self.index.ignored(row) for row in objects]
        return dict(ignored=ignored) if any(ignored) else {}

    @force_full_init
    def expression_rows(self) -> Tuple[np.ndarray, np.ndarray]:
        """Rows of the expressions in the samples, and the sample of each.

        Returns:
            tuple[np.ndarray, np.ndarray]: (S,) rows of the index' expressions, and (S,) the sample each is in.
        """
        start, stop = self._offsets[self.data_list], self._offsets[self.data_list + 1]
        return self._expressions[ranges(start, stop)], np.repeat(np.arange(len(self.data_list)), stop - start)

    @force_full_init
    def sample_counts(self) -> SampleCounts:
        """Count the images, refs and expressions of all samples, each once."""
        if self.data_list is self._all:  # and no subset: counted when they were arranged
            return SampleCounts(*self._counts.tolist())
        return count_samples(self.index, self.expression_rows()[0])

    @force_full_init
    def images_of_splits(self) -> Dict[Tuple[str, str], List[str]]:
        """Paths of the images of all splits of the annotations, by (path of the refs, name of the split)."""
        path, index = os.path.realpath(self.refs_file), self.index
        return {(path, split): self._images_of(index, index.refs_of_split(split))
                for split in index.split_names.tolist()}

    def _images_of(self, index: ReferIndex, refs: np.ndarray) -> List[str]:
        images = np.unique(index.ref_image[refs])
        return [image_path(index, image, self.image_dir, self.allow_outside)
                for image in images[images >= 0].tolist()]

    def _one_of_each_ref(self, chosen: np.ndarray, idx: int) -> np.ndarray:
        refs = self.index.expression_ref[self._expressions[chosen]]
        groups = [chosen[refs == ref] for ref in np.unique(refs)]
        return np.array([group[self.draw_one(len(group), idx, number)] for number, group in enumerate(groups)])

    def _read_index(self) -> ReferIndex:
        for path in (self.instances_file, self.refs_file):
            if not os.path.isfile(path):
                here = os.listdir(self.ann_dir) if os.path.isdir(self.ann_dir) else []
                found = ', '.join(sorted(here)[:20]) or 'nothing'
                raise RefDataError(
                    f'{path} is missing; in that folder is: {found}. {self.source}'.rstrip())
        return open_refer_index(self.instances_file, self.refs_file)

    def _usable_expressions(self) -> np.ndarray:
        """Rows of the split's expressions; errors are raised, or left out and reported."""
        refs = self.index.refs_of_split(self.split)
        if not len(refs):
            raise RefDataError(
                f'{self.refs_file} has no split {self.split!r}; it has: '
                + ', '.join(self.index.split_names.tolist()))
        refs = self._without_silent_refs(refs)
        reasons = dict(zip(self.index.problem_ref.tolist(), self.index.problem_text.tolist()))
        problems = [(row, reasons[row]) for row in refs.tolist() if row in reasons]
        bad_images = {} if self.allow_outside else self._images_outside(refs)
        if self.on_error == 'skip':
            bad_images = check_images(self.index, refs, self.image_dir, self.allow_outside)
        if bad_images:
            problems += [
                (row, bad_images[image])
                for row, image in zip(refs.tolist(), self.index.ref_image[refs].tolist())
                if image in bad_images and row not in reasons]
        bad_refs = [row for row, _ in problems]
        rows = self.index.expressions_of_refs(refs[~np.isin(refs, bad_refs)])
        blank = getattr(self.index, f'{self.text_field}_blank')[rows]
        for row in rows[blank].tolist():
            problems.append((int(self.index.expression_ref[row]), self._blank_reason(row)))
        self._report(problems)
        return rows[~blank]

    def _without_silent_refs(self, refs: np.ndarray) -> np.ndarray:
        """The refs that have a sentence, where the others are to be left out."""
        silent = self.index.ref_expressions[refs] == self.index.ref_expressions[refs + 1]
        if not self.SKIPS_SILENT_REFS or not silent.any():
            return refs
        self._silent = [(ref_id, 'it has no sentence') for ref_id in self.index.ref_id[refs[silent]].tolist()]
        print_log(f'{self.dataset_name}: left out {len(self._silent)} refs without a sentence', logger='current')
        return refs[~silent]

    def _images_outside(self, refs: np.ndarray) -> Dict[int, str]:
        """Why images whose names lead out of their folder are not opened, by their rows."""
        images = np.unique(self.index.ref_image[refs])
        return {row: f'its file_name {name_problem(str(self.index.image_name[row]))}'
                for row in images_outside(self.index, images[images >= 0]).tolist()}

    def _largest_image(self, images: np.ndarray) -> np.ndarray:
        """The most expressions of an image, and its row, by the rows of the expressions' images; within the budget."""
        counts = np.bincount(images)
        most = int(counts.argmax())
        self._check_count(int(counts[most]), most)
        return np.array([counts[most], most], np.int64)

    def _check_count(self, count: int, image: int) -> None:
        """Refuse an image with more expressions than the budget allows."""
        check_budget('MAX_EXPRESSIONS', count,
                     f'{self.refs_file}, split {self.split}: image {self.index.image_name[image]}')

    def _blank_reason(self, row: int) -> str:
        return f'its expression {self.index.sent_id[row]} is empty: no {self.text_field!r} text'

    def _report(self, problems: List[Tuple[int, str]]) -> None:
        skipped = [(int(self.index.ref_id[row]), reason) for row, reason in problems]
        self.skipped = self._silent + skipped
        if not problems:
            return
        lines = [f'ref {ref_id}: {reason}' for ref_id, reason in skipped]
        listing = first_lines(lines)
        if self.on_error == 'raise':
            raise RefDataError(
                f"{self.refs_file}, split {self.split}: {len(lines)} unusable (on_error='skip' leaves "
                f'them out):{listing}')
        print_log(f'{self.dataset_name}: left out {len(lines)} refs or expressions:{listing}',
                  logger='current', level=logging.WARNING)

    def _join_prefix(self) -> None:
        candidates = self.data_prefix.get('img', '')
        joined = [
            path if is_abs(path) else join_path(self.data_root, path)
            for path in ([candidates] if isinstance(candidates, str) else candidates)]
        self.data_prefix = dict(self.data_prefix, img=joined)

    def _get_unserialized_subset(self, indices: Union[int, Sequence]) -> np.ndarray:
        if isinstance(indices, int):
            return self.data_list[:indices] if indices >= 0 else self.data_list[indices:]
        return self.data_list[np.asarray(indices, dtype=np.int64)]


def _check_option(name: str, value: str, choices: Sequence) -> None:
    if value not in choices:
        raise RefDataError(f'{name}={value!r} is unknown; choose from {", ".join(choices)}')
