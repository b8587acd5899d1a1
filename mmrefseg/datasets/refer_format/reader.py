"""Reads ``instances.json`` + ``refs(<split_by>).p`` or ``grefs(<split_by>).json`` into a :class:`ReferIndex`."""

import gc
import itertools
import logging
import os
from array import array
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Union

import numpy as np
from mmengine.logging import print_log

from mmrefseg.errors import RefDataError, shown

from ..budget import check_budget, limit
from ..spool import Spool
from .gref_json import load_gref_json, read_id, read_targets
from .index import IGNORED, RLE, TEXT_FIELDS, ReferIndex
from .instances import offsets_of, read_images, read_instances, read_segmentations
from .restricted_pickle import load_refer_pickle
from .target_sets import join_regions, join_targets

#: Of a file: each takes about half a kilobyte while it is read.
MAX_EXPRESSIONS_OF_ALL = 20_000_000


def read_refer_index(instances_file: Union[str, Path], refs_file: Union[str, Path]) -> ReferIndex:
    """Parse both files; :func:`mmrefseg.datasets.open_refer_index` does so once and keeps the index.

    Args:
        instances_file (str | Path): COCO-style ``instances.json``.
        refs_file (str | Path): The pickled list of refs; a name that ends in ``.json``: gRefCOCO's list, whose refs may
            have several targets or none.

    Returns:
        ReferIndex: All splits.

    Raises:
        RefDataError: A file is missing, broken, not of the format, or changes meanwhile. What is wrong with
            single refs is no error here but listed in ``problem_ref`` and ``problem_text``.
    """
    paths = str(instances_file), str(refs_file)
    before = fingerprints(*paths)
    with gc_paused():
        index = _build(*paths)
    if fingerprints(*paths) != before:
        raise RefDataError(f'{instances_file} or {refs_file} changed while they were read: start again')
    return index


def fingerprints(*paths: str) -> List[List[int]]:
    """Size and time of files, which tell whether they have changed.

    Returns:
        list[list[int]]: Bytes and nanoseconds of each.

    Raises:
        RefDataError: One cannot be found.
    """
    try:
        return [[stat.st_size, stat.st_mtime_ns] for stat in map(os.stat, paths)]
    except OSError as error:
        raise RefDataError(f'{error.filename} cannot be read: {error.strerror}') from error


@contextmanager
def gc_paused() -> Iterator[None]:
    """Hold the garbage collector: millions of new containers make it run in vain, again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _build(instances_file: str, refs_file: str) -> ReferIndex:
    if refs_file.endswith('.json'):
        columns = read_refs(load_gref_json(refs_file), refs_file, read_targets)
    else:
        columns = read_refs(load_refer_pickle(refs_file), refs_file)
    ann_ids = {ann_id for targets in set(columns['ann_ids'])
               for ann_id in (targets if isinstance(targets, tuple) else (targets, ))}
    found = read_instances(instances_file, set(columns['image_ids']), ann_ids)
    return assemble_index(columns, found.images, found.segmentations, os.path.basename(instances_file), found.owners,
                          found.ambiguous, found.ignored)


def assemble_index(columns: Dict[str, Union[np.ndarray, list]], images: dict, segmentations: dict,
                   instances_name: str, owners: Optional[Mapping] = None,
                   ambiguous: Optional[Mapping] = None, ignored: Optional[Mapping] = None) -> ReferIndex:
    """Make an index of what was read.

    Args:
        columns (dict): As :func:`read_refs` gives them.
        images (dict): By id, with file_name, height, width.
        segmentations (dict): By id, as JSON.
        instances_name (str): What the reasons in ``problem_text`` call the file of both.
        owners (Mapping, optional): Ids of the images that segmentations belong to, by the segmentation's id, as far as
            they are stated.
        ambiguous (Mapping, optional): See :class:`Instances`.
        ignored (Mapping, optional): See :class:`Instances`. An object beside which there is some may be empty.

    Returns:
        ReferIndex: All splits.
    """
    ref_images, ref_anns = columns.pop('image_ids'), columns.pop('ann_ids')
    strangers = _find_strangers(ref_images, ref_anns, owners or {})
    image_rows = {image_id: row for row, image_id in enumerate(images)}
    image_size, bad_images = read_images(images)
    names = [image.file_name for image in images.values()]
    regions = join_regions(ref_anns, ignored or {})
    objects, broken = read_segmentations(itertools.chain(segmentations.values(), regions.values()))
    ann_ids = [*segmentations, *[IGNORED] * len(regions)]
    region_rows = {targets: len(segmentations) + number for number, targets in enumerate(regions)}
    for row, ann_id in enumerate(segmentations) if regions else ():
        if ann_id in regions and b''.join(bytes(segmentations[ann_id]).split()) == b'[]':
            del broken[row]
        if region_rows.get(ann_id) in broken:
            broken[row] = f'its ignored_segmentation: {broken[region_rows[ann_id]]}'
    for (kind, number), reason in (ambiguous or {}).items():
        if kind == 'image':
            bad_images[number] = reason
        else:
            broken[ann_ids.index(number)] = reason
    targets_of_refs = ref_anns
    ref_object, ref_anns = join_targets(ref_anns, ann_ids, objects, broken)
    object_ignore = np.full(len(ann_ids), -1, np.int64)
    for targets, row in zip(targets_of_refs, ref_object.tolist()) if regions else ():
        if row >= 0:
            object_ignore[row] = region_rows.get(targets, -1)

    ref_image = np.array([image_rows.get(i, -1) for i in ref_images], np.int64)
    index = ReferIndex(
        **columns, **objects, object_ignore=object_ignore, ref_image=ref_image, ref_object=ref_object,
        image_id=np.array(list(images), np.int64), image_size=image_size,
        image_name=np.array(names, np.str_), ann_id=np.array(ann_ids, np.int64),
        problem_ref=np.empty(0, np.int64), problem_text=np.empty(0, np.str_))
    problems = _find_problems(index, ref_images, ref_anns, strangers, broken, bad_images, instances_name)
    arrays = index.to_arrays()
    arrays['problem_ref'] = np.array(list(problems), np.int64)
    arrays['problem_text'] = np.array(list(problems.values()), np.str_)
    return ReferIndex.from_arrays(arrays)


def read_refs(refs: Iterable[dict], refs_file: str,
              read_target: Callable = read_id) -> Dict[str, Union[np.ndarray, list]]:
    """Turn refs into the columns of an index.

    Args:
        refs (Iterable[dict]): As the refer format has them.
        refs_file (str): What the error calls the file.
        read_target (Callable): Reads ``ann_id`` of a ref. Defaults to an integer; see also :func:`read_targets`.

    Returns:
        dict: The columns that the refs file fills, and ``image_ids``, ``ann_ids``.

    Raises:
        RefDataError: A ref is not of the format.
    """
    splits, ann_ids = [], []
    # No object for each of millions of numbers and texts, which is most of the memory that a start takes.
    ref_ids, image_ids, counts, sent_ids = (array('q') for _ in range(4))
    texts, lengths = {field: Spool() for field in TEXT_FIELDS}, {field: array('q') for field in TEXT_FIELDS}
    blanks = {field: bytearray() for field in TEXT_FIELDS}
    ref, said, total, most = {}, Counter(), 0, limit('MAX_EXPRESSIONS')
    try:
        for ref in refs:
            splits.append(_text_of(ref['split']))
            image_ids.append(read_id(ref['image_id']))
            ann_ids.append(read_target(ref['ann_id']))
            counts.append(len(ref['sentences']))
            said[image_ids[-1]] += counts[-1]
            total += counts[-1]
            if said[image_ids[-1]] > most or total > MAX_EXPRESSIONS_OF_ALL:  # before more memory is taken
                check_budget('MAX_EXPRESSIONS', said[image_ids[-1]], f'{refs_file}: image {image_ids[-1]}')
                raise RefDataError(f'{refs_file}: over {MAX_EXPRESSIONS_OF_ALL:,} expressions')
            for sentence in ref['sentences']:
                sent_ids.append(read_id(sentence['sent_id']))
                for field in TEXT_FIELDS:
                    text = sentence.get(field, '')
                    encoded = text.encode('utf-8', 'replace')
                    texts[field].write(encoded)
                    lengths[field].append(len(encoded))
                    blanks[field].append(not text.strip())
            ref_ids.append(read_id(ref['ref_id']))
    except RefDataError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise RefDataError(
            f'{refs_file}: entry {len(ref_ids)} (ref {shown(ref.get("ref_id"))}) is not of the refer format '
            f'({type(error).__name__}: {error}). Expected are the integers ref_id, ann_id and '
            'image_id, split, and sentences, each with an integer sent_id and the texts '
            f'{" and ".join(TEXT_FIELDS)}') from error
    for name, ids in (('ref_id', ref_ids), ('sent_id', sent_ids)):
        if twice := len(ids) - len(np.unique(ids)):
            print_log(f'{refs_file}: {twice} {name}s stand there more than once; each ref is read as it is, but '
                      f'results that go by {name} cannot tell them apart', logger='current', level=logging.WARNING)
    split_names, ref_split = np.unique(np.array(splits, np.str_), return_inverse=True)
    text_columns = {}
    for field in TEXT_FIELDS:
        text_columns[field] = np.frombuffer(texts[field].view(), np.uint8)
        text_columns[f'{field}_offsets'] = offsets_of(lengths[field])
        text_columns[f'{field}_blank'] = np.frombuffer(blanks[field], bool)
    return dict(
        split_names=split_names, ref_split=ref_split.astype(np.int32),
        ref_id=np.array(ref_ids, np.int64), ref_expressions=offsets_of(counts),
        sent_id=np.array(sent_ids, np.int64),
        expression_ref=np.repeat(np.arange(len(counts)), np.array(counts, np.int64)),
        image_ids=image_ids, ann_ids=ann_ids, **text_columns)


def _text_of(split: Any) -> str:
    if not isinstance(split, (str, int, float)):
        raise TypeError(f'split is {shown(split)}, expected a text')
    return str(split)


def _find_strangers(image_ids: list, targets: list, owners: Mapping) -> Dict[int, int]:
    """The first annotation of a ref that belongs to another image than the ref, by the ref's row."""
    strangers = {}
    for row, (image_id, ann_ids) in enumerate(zip(image_ids, targets)):
        for ann_id in ann_ids if isinstance(ann_ids, tuple) else (ann_ids, ):
            if owners.get(ann_id, image_id) != image_id:
                strangers.setdefault(row, ann_id)
    return strangers


def _find_problems(index: ReferIndex, image_ids: list, ann_ids: list, strangers: Dict[int, int],
                   broken: Dict[int, str], bad_images: Dict[int, str], instances_file: str) -> Dict[int, str]:
    """Find what makes refs unusable, by their rows (the first reason of several)."""
    problems = {}
    for row in np.flatnonzero(index.ref_image < 0).tolist():
        problems[row] = f'its image {image_ids[row]} is not among the images of {instances_file}'
    for row, image_id in enumerate(image_ids) if bad_images else ():
        if image_id in bad_images:
            problems.setdefault(row, f'{bad_images[image_id]} ({instances_file})')
    for row in np.flatnonzero(index.ref_object < 0).tolist():
        problems.setdefault(row, f'its annotation {ann_ids[row]} is not in {instances_file}')
    for row, ann_id in strangers.items():
        problems.setdefault(row, f'its annotation {ann_id} belongs to another image than {image_ids[row]} in '
                                 f'{instances_file}')
    if broken:
        for row in np.flatnonzero(np.isin(index.ref_object, list(broken))).tolist():
            reason = broken[int(index.ref_object[row])]
            problems.setdefault(row, f'annotation {ann_ids[row]} of {instances_file}: {reason}')
    for row in np.flatnonzero(np.diff(index.ref_expressions) == 0).tolist():
        problems.setdefault(row, 'it has no expression')

    sized = np.flatnonzero(index.part_kind == RLE)
    if len(sized):
        part_object = np.repeat(np.arange(len(index.ann_id)), np.diff(index.object_parts))
        # A mask may be several RLEs: its largest and its smallest must both be the image's size.
        for reduce, start in ((np.maximum, 0), (np.minimum, np.iinfo(np.int64).max)):
            object_size = np.full((len(index.ann_id), 2), start, np.int64)
            reduce.at(object_size, part_object[sized], index.part_size[sized])
            usable = (index.ref_object >= 0) & (index.ref_image >= 0)
            expected = index.image_size[index.ref_image]
            for what, objects in (('mask is', index.ref_object),
                                  ('ignored_segmentation is', index.object_ignore[index.ref_object])):
                found = object_size[objects]
                wrong = usable & (objects >= 0) & (found != expected).any(axis=1) & (found != start).any(axis=1)
                for row in np.flatnonzero(wrong).tolist():
                    problems.setdefault(row, (
                        'its {} {}x{} where its picture {} is {}x{} (height x width) in {}'.format(
                            what, *found[row], index.image_name[index.ref_image[row]], *expected[row],
                            instances_file)))
    return dict(sorted(problems.items()))
